"""Every scheduler of the catalogue in each of its forms and intervals."""

from __future__ import annotations

from lrlab.schedules import CATALOGUE, FORMS

WAYS = [(name, form.name) for name in CATALOGUE for form in FORMS.get(name, ())] + [
    (name, "") for name in CATALOGUE if name not in FORMS
]
"""Every scheduler in each of its forms."""

COUNTED = [(name, form, interval) for name, form in WAYS for interval in CATALOGUE[name].intervals]
