"""Reports of data that may not be shown."""

import json

import synthetic_results as synthetic

from harness.report.withheld import without_texts


def test_no_text_and_no_answer_is_left() -> None:
    results = synthetic.small(synthetic.TEXT)
    assert "wonderful film" in json.dumps(results)
    withheld = without_texts(results)
    assert "wonderful film" not in json.dumps(withheld)
    attack = withheld["tasks"][synthetic.TEXT]["characteristics"]["adversarial_attack"]
    assert attack["examples"] == [] and attack["words"] == {}
    assert "wonderful film" in json.dumps(results)  # the results themselves stay as they are
    results = synthetic.small(synthetic.QA)
    exemplar = {"id": "q1", "reference_prediction": "the Seine", "shared_prediction": "", "shared_by": ["a"]}
    results["tasks"][synthetic.QA]["characteristics"]["affected"] = {"exemplars": {"exemplars": [exemplar]}}
    [kept] = without_texts(results)["tasks"][synthetic.QA]["characteristics"]["affected"]["exemplars"]["exemplars"]
    assert kept == exemplar | {"reference_prediction": "(withheld)"}  # "no answer" tells nothing of the text
