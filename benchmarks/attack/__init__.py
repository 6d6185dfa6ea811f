"""BERT-ATTACK (Li et al. 2020) through TextAttack's parts.

Use it through `benchmarks.characteristics.adversarial_attack`.
"""
