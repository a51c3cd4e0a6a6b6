"""The site: verdicts, figures, documents and the package's reference as pages that link.

``contents`` turns results into what templates show, ``documents`` takes in the project's own
documents, and ``build`` has Sphinx make pages of both. May import what ``pages`` may.
"""
