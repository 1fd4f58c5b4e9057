"""Widrow's adaptive family: LMS, NLMS, RLS and Wiener filters, and Adaline."""
