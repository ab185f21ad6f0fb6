"""The console: pages for the people who decide, made on the server and readable without JavaScript.

A route gathers (``store``), a frozen view model says what the page shows (``views``), a template shows it.
Nothing is decided here: every act calls the verb of the domain that owns it, with the acting person, and that
verb writes the audit entry. Personal data is masked before it enters a view model.

``/admin`` knows staff sessions and ignores bearer keys; the REST paths know keys and ignore cookies.
"""
