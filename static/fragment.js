// Signing in leads on to the page that was asked for. What stands behind # in its address never
// reaches the server, so the forms on the way take it along; browsers keep it over redirects.
if (location.hash) {
  for (const form of document.querySelectorAll("form[method=post]")) form.action += location.hash;
}
