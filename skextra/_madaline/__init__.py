"""Madaline: networks of Adalines, trained by the rules MRI and MRII."""
