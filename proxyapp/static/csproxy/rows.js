// On a phone a row of ports or connections is shown as a card: each cell says what it is itself.
// The row that new ones are copied from is among them, so its copies say it, too.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll(".inline-group .tabular table")) {
    const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    for (const row of table.querySelectorAll("tr.form-row")) {
      [...row.cells].forEach((cell, index) => {
        if (labels[index]) cell.dataset.label = labels[index];
      });
    }
    table.classList.add("labelled");
  }
});
