"""Example models, a folder each: the model, its client-side processing, its weights and the script that trained them.

They are this repository's own and no part of the wheel. README.md in this folder explains what each of them offers.
"""
