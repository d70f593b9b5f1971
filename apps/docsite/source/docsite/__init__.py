"""Pages with a search: `pages` renders Markdown once, `search` ranks, `site` answers paths, `server` speaks HTTP."""
