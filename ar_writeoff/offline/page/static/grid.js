// Browser side of the lists: loads their rows and reports ticks, edited amounts and the focused row. All amounts are
// decided on the server; numbers here are for display only.

/* global emitEvent, getElement */

window.arWriteOff = (() => {
	const lists = {};
	const language = () => document.documentElement.lang || "en";
	const formats = new Map();

	function number(value, decimals = 2) {
		if (value === null || value === undefined || value === "") {
			return "";
		}
		const key = `${language()} ${decimals}`;
		if (!formats.has(key)) {
			const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
			formats.set(key, new Intl.NumberFormat(language(), digits));
		}
		return formats.get(key).format(value);
	}

	function day(value) {
		if (!value || !language().startsWith("de")) {
			return value;
		}
		const [year, month, day] = value.split("-");
		return `${day}.${month}.${year}`;
	}

	function rowsOf(answer) {
		const { fields, rows } = answer;
		return rows.map((values) => {
			const row = {};
			for (let index = 0; index < fields.length; index++) {
				row[fields[index]] = values[index];
			}
			return row;
		});
	}

	function bits(text) {
		const bytes = atob(text);
		return (index) => (bytes.charCodeAt(index >> 3) >> (index & 7)) & 1;
	}

	async function load(name, api) {
		const list = { api, number: 0, loading: true };
		lists[name] = list;
		const answer = await (await fetch(`/list/${name}`, { cache: "no-store" })).json();
		if (api.isDestroyed()) {
			return;
		}
		list.number = answer.number;
		list.rows = rowsOf(answer);
		api.setGridOption("rowData", list.rows);
		if (answer.ticked !== undefined) {
			const ticked = bits(answer.ticked);
			if (list.rows.every((row) => ticked(row.id))) {
				api.selectAll("all");
			} else {
				const nodes = [];
				api.forEachNode((node) => ticked(node.data.id) && nodes.push(node));
				api.setNodesSelected({ nodes, newValue: true });
			}
		}
		list.loading = false;
		document.body.dataset[`list${name.replace("-", "")}`] = answer.number;
	}

	let waiting = null;

	function ticked(name) {
		const list = lists[name];
		if (!list || list.loading) {
			return;
		}
		clearTimeout(waiting);
		waiting = setTimeout(() => {
			waiting = null;
			emitEvent("ticked", ticksOf(name));
		}, 120);
	}

	function ticksOf(name) {
		const list = lists[name];
		const bytes = new Uint8Array(Math.ceil(list.rows.length / 8));
		for (const row of list.api.getSelectedRows()) {
			bytes[row.id >> 3] |= 1 << (row.id & 7);
		}
		let text = "";
		for (let start = 0; start < bytes.length; start += 8192) {
			text += String.fromCharCode(...bytes.subarray(start, start + 8192));
		}
		return { number: list.number, flags: btoa(text) };
	}

	// Ticks not yet sent to the server, or null.
	function pendingTicks(name) {
		if (waiting === null) {
			return null;
		}
		clearTimeout(waiting);
		waiting = null;
		return ticksOf(name);
	}

	let focusTimer = null;

	function focused(name, event) {
		if (event.rowIndex === null || event.rowIndex === undefined) {
			return;
		}
		const node = event.api.getDisplayedRowAtIndex(event.rowIndex);
		if (!node) {
			return;
		}
		clearTimeout(focusTimer);
		focusTimer = setTimeout(() => emitEvent("row_focused", { list: name, id: node.data.id }), 120);
	}

	function typed(name, params) {
		emitEvent("amount_typed", {
			number: lists[name].number,
			id: params.data.id,
			typed: String(params.newValue ?? ""),
		});
		return false; // the server sends the new value
	}

	function setAmount(id, amount, base) {
		const list = lists.found;
		const node = list.api.getRowNode(String(id));
		node.data.amount = amount;
		node.data.base = base;
		list.api.refreshCells({ rowNodes: [node], force: true });
	}

	function filter(name, text) {
		lists[name]?.api.setGridOption("quickFilterText", text);
	}

	// Drop files anywhere on the page, and keyboard shortcuts.

	function dropped(event) {
		event.preventDefault();
		document.body.classList.remove("dropping");
		const uploader = getElement(window.arWriteOffUploader);
		if (event.dataTransfer?.files.length && uploader) {
			uploader.$refs.qRef.addFiles(event.dataTransfer.files);
		}
	}

	function key(event) {
		const typing = event.target.closest(
			"input, textarea, select, [contenteditable], .ag-cell-inline-editing"
		);
		if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector(".q-dialog")) {
			return;
		}
		if (event.key === "/") {
			event.preventDefault();
			document.querySelector(".quick-filter input")?.focus();
		} else if ("fpc?".includes(event.key)) {
			event.preventDefault();
			emitEvent("key", event.key);
		}
	}

	document.addEventListener("dragover", (event) => {
		event.preventDefault();
		document.body.classList.add("dropping");
	});
	document.addEventListener("dragleave", (event) => {
		if (!event.relatedTarget) {
			document.body.classList.remove("dropping");
		}
	});
	document.addEventListener("drop", dropped);
	document.addEventListener("keydown", key);

	return { day, filter, focused, lists, load, number, pendingTicks, setAmount, ticked, typed };
})();
