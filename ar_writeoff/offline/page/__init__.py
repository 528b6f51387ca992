"""The review in the browser: a page on this machine, for the person who sits at it.

`server` lets nobody else in, `layout` is the page, `lists` are the rows it fetches, `grid.js` and `page.css` what runs in the browser. What
is decided is in `ar_writeoff.offline.review`. Made with NiceGUI, whose package brings its scripts: nothing is fetched from
anywhere.
"""
