"use strict";
// Filters of the explorer; without this file all examples are shown.
for (const explorer of document.querySelectorAll(".explorer")) {
  const [deployment, kind, search] = ["deployment", "kind", "search"].map((name) => explorer.querySelector(`[name=${name}]`));
  const status = explorer.querySelector("[role=status]");
  const examples = [...explorer.querySelectorAll(".example")].map((element) => ({
    element,
    answers: [...element.querySelectorAll("[data-in]")].flatMap((one) =>
      one.dataset.in.split(" ").map((place) => [place, one.textContent])),
    everywhere: "everywhere" in element.dataset,
  }));
  const matches = ({ element, answers, everywhere }) => {
    const here = answers.filter(([name, what]) =>
      (!deployment.value || name === deployment.value) && (["", "only", "everywhere"].includes(kind.value) || what === kind.value));
    if (!here.length || (search.value && !element.textContent.toLowerCase().includes(search.value.toLowerCase()))) return false;
    if (kind.value === "everywhere") return everywhere;
    return kind.value !== "only" || (answers.length === 1 && answers[0][1] === "newly wrong");
  };
  const update = () => {
    let shown = 0;
    for (const example of examples) {
      example.element.hidden = !matches(example);
      shown += example.element.hidden ? 0 : 1;
    }
    status.textContent = `${shown} of ${examples.length} examples shown`;
  };
  explorer.querySelector(".filters").hidden = false;
  for (const control of [deployment, kind, search]) control.addEventListener("input", update);
  update();
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
