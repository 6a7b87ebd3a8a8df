"""What each section of params/<environment>.yaml may say: names, types, units, meaning.

Scalars and lists of scalars are also the notebook's parameters, by the same name; the nested
declarations stay in the file, and the notebook shows them as a table.
"""

from __future__ import annotations
