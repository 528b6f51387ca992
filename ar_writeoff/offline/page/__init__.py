"""Review in the browser: a local web page for the user of this machine.

`server` restricts access, `layout` is the page, `lists` serves the rows, `grid.js` and `page.css` run in the browser.
The state is in `ar_writeoff.offline.review`. Built with NiceGUI, whose package includes its scripts: nothing is loaded
from the internet.
"""
