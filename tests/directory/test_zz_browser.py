import os
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]="1"
import pytest, time
from playwright.sync_api import sync_playwright
from tests.conftest import signed_in
from lofty_admin.directory.models import *
from lofty_admin.directory.sync import open_sync, advance
@pytest.mark.django_db(transaction=True)
def test_b(live_server, acme, owner, connect):
    connect(members=200, ponds=3)
    sync=open_sync(acme)
    for _ in range(8): advance(sync.pk, seconds=0.00001)
    c=signed_in(owner)
    from django.conf import settings
    with sync_playwright() as p:
        b=p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        ctx=b.new_context(viewport={"width":1280,"height":1000})
        ctx.add_cookies([{"name":settings.SESSION_COOKIE_NAME,"value":c.cookies[settings.SESSION_COOKIE_NAME].value,"url":live_server.url}])
        pg=ctx.new_page(); msgs=[]
        pg.on("console", lambda m: msgs.append(m.text)); pg.on("pageerror", lambda e: msgs.append(str(e)))
        pg.goto(live_server.url+"/t/acme/names/"); pg.screenshot(path="/tmp/n1.png", full_page=True)
        advance(sync.pk)
        pg.wait_for_function("!document.querySelector('#names-status progress')", timeout=8000)
        pg.select_option("#names-kind","office"); time.sleep(1)
        pg.fill("#names-q","a"); time.sleep(1); pg.screenshot(path="/tmp/n2.png", full_page=True)
        pg.set_viewport_size({"width":390,"height":800}); pg.screenshot(path="/tmp/n3.png", full_page=True)
        print(pg.url, msgs, pg.evaluate("document.documentElement.scrollWidth"))
        b.close()
