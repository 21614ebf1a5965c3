// Whose page this is, as its forms say: "12" of "12:1wabc:signature"; "" before signing in.
export function pageOwner() {
  const field = document.querySelector("input[name=page_of]");
  return field ? field.value.split(":")[0] : "";
}
