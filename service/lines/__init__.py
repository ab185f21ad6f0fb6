"""Step 4: a number in service.

A line is opened by the activation of an approved registration. Its states:

    active <-> restricted <-> suspended      any of them -> quarantined -> closed

``restricted`` stops outgoing traffic and keeps incoming; ``suspended`` stops both; neither ever bars
emergency calls or calls to the operator's own care. A line that is closed leaves its number in quarantine
for a time; then the number is free, and its next holder starts a new line that shares nothing with this one.

Promise: one open line for a number and for a SIM card, however many ask at once; a closed line never
comes back; every change is in the audit with its reason and reaches the network, or is listed for staff.
"""
