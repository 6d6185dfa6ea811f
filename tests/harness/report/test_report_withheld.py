"""Reports of data that may not be shown."""

from benchmarks.characteristics.affected import Affected
from benchmarks.characteristics.exemplars import Exemplar, Exemplars
from benchmarks.characteristics.slices import Slices
from harness.report.withheld import without_texts
from tests.harness.report import synthetic_results as synthetic


def test_no_text_is_left() -> None:
    run = synthetic.run_of(synthetic.small(synthetic.TEXT))
    assert "wonderful film" in run.results.model_dump_json()
    withheld = without_texts(run)
    assert "wonderful film" not in withheld.results.model_dump_json()
    attack = withheld.results.tasks[synthetic.TEXT].characteristics.adversarial_attack
    assert attack is not None and attack.examples == [] and attack.words == {}
    assert "wonderful film" in run.results.model_dump_json()  # the results themselves stay as they are


def test_no_answer_is_left() -> None:
    exemplar = Exemplar("q1", "the Seine", "", ["a"], reference_right=True, shared_right=False, confidence=None)
    exemplars = Exemplars(n=1, others=1, shared=1, majority=1, exemplars=[exemplar])
    results = synthetic.small(synthetic.QA)
    affected = Affected(
        changed={}, slices=Slices(searched=0, minimum=0, level=0.05, deployments={}), exemplars=exemplars
    )
    results["tasks"][synthetic.QA]["characteristics"]["affected"] = affected
    kept = without_texts(synthetic.run_of(results)).results.tasks[synthetic.QA].characteristics.affected
    assert kept is not None
    # "no answer" tells nothing of the text
    assert kept.exemplars.exemplars[0].reference_prediction == "(withheld)"
    assert kept.exemplars.exemplars[0].shared_prediction == ""
