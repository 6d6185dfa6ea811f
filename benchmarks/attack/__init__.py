"""BERT-ATTACK (Li et al. 2020) on a live deployment, many texts at once; and TextAttack's own recipes.

Use it through `benchmarks.characteristics.adversarial_attack`.
"""
