"""What several estimators share: classes, orders of rows, CSR arrays, threads."""
