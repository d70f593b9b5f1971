"""`make demo`: the main job from one end to the other, told as it happens, and its clean-up with proof.

Imported by console.cli only.
"""
