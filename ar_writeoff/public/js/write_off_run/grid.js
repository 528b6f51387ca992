import { columns_for } from "./columns";
import { parse_number } from "./text";

// A page of items in a frappe.DataTable. The server pages, sorts and filters. Rows are identified by item name, not
// by position. The grid only reports user actions.
export class Grid {
	// options: wrapper, on_tick(names, ticked), on_tick_all(), on_sort(field), on_amount(item, amount), on_info(item),
	// on_filter()
	constructor(options) {
		Object.assign(this, options);
		this.items = [];
		this.ticks = new Map();
		this.bind_ticks();
		this.bind_keys();
		this.follow_width();
	}

	// Items have `ticked`. `layout` is described in columns.js, plus `empty_message`.
	show(items, layout) {
		this.room = this.wrapper.clientWidth;
		this.wrapper.style.setProperty("--wo-rows", items.length);
		const columns = columns_for(layout, this.room);
		const signature = JSON.stringify([this.room, layout.ticks, columns.map((column) => column.id)]);
		const focus = this.focused_position();
		this.items = items;
		this.layout = layout;
		this.ticks = new Map(items.map((item) => [item.name, Boolean(item.ticked)]));
		if (this.datatable && this.signature === signature) {
			this.keep_widths(columns);
			this.datatable.options.noDataMessage = layout.empty_message;
			this.datatable.refresh(items, columns);
		} else {
			this.create(items, columns);
			this.signature = signature;
		}
		this.show_header_tick();
		if (focus) this.focus_cell(focus.column, Math.min(focus.row, items.length - 1));
	}

	create(items, columns) {
		this.datatable?.destroy();
		this.datatable = new frappe.DataTable(this.wrapper, {
			columns,
			data: items,
			checkboxColumn: false,
			serialNoColumn: false,
			disableReorderColumn: true,
			inlineFilters: false,
			cellHeight: 35,
			layout: "fixed",
			direction: frappe.utils.is_rtl() ? "rtl" : "ltr",
			noDataMessage: this.layout.empty_message,
			getEditor: (...args) => this.amount_editor(...args),
		});
	}

	destroy() {
		this.width_observer.disconnect();
		this.datatable?.destroy();
		this.layout = this.datatable = null;
	}

	follow_width() {
		const redraw = frappe.utils.debounce(() => {
			const room = this.wrapper.clientWidth;
			if (this.layout && room && room !== this.room) this.show(this.items, this.layout);
		}, 150);
		this.width_observer = new ResizeObserver(redraw);
		this.width_observer.observe(this.wrapper);
	}

	// Column widths set by the user are kept for the next page.
	keep_widths(columns) {
		this.datatable.getColumns().forEach((shown, index) => {
			if (shown.width) columns[index].width = shown.width;
		});
	}

	// TICKS

	bind_ticks() {
		this.wrapper.addEventListener("click", (event) => {
			const tick = event.target.closest?.(".wo-tick");
			if (tick) this.tick_clicked(tick, event.shiftKey);
			const info = event.target.closest?.(".wo-info");
			if (info) this.on_info(this.items[this.row_of(info.dataset.name)]);
			const sort = event.target.closest?.(".wo-sort");
			if (sort) this.on_sort(sort.dataset.field);
		});
	}

	tick_clicked(tick, with_shift) {
		if (tick.dataset.all) {
			this.tick(
				this.items.map((item) => item.name),
				tick.checked
			);
			return;
		}
		const row = this.row_of(tick.dataset.name);
		const from = with_shift && this.last_ticked_row !== undefined ? this.last_ticked_row : row;
		const names = this.items.slice(Math.min(from, row), Math.max(from, row) + 1).map((item) => item.name);
		this.last_ticked_row = row;
		this.tick(names, tick.checked);
	}

	tick(names, ticked) {
		const changed = names.filter((name) => this.ticks.get(name) !== ticked);
		changed.forEach((name) => this.show_tick(name, ticked));
		this.show_header_tick();
		if (changed.length) this.on_tick(changed, ticked);
	}

	tick_page(ticked) {
		this.tick(
			this.items.map((item) => item.name),
			ticked
		);
	}

	show_tick(name, ticked) {
		this.ticks.set(name, ticked);
		const row = this.row_of(name);
		this.items[row].ticked = ticked;
		const cell = this.datatable.getCell(0, row);
		cell.content = ticked;
		cell.html = undefined;
		const box = this.wrapper.querySelector(`.wo-tick[data-name="${CSS.escape(name)}"]`);
		if (box) box.checked = ticked;
		if (this.layout.amounts_if_ticked) this.redraw_amount(row);
	}

	redraw_amount(row) {
		const column = this.datatable.getColumns().find(({ id }) => id === "write_off_amount");
		if (!column) return;
		this.datatable.getCell(column.colIndex, row).html = undefined;
		const { cellmanager } = this.datatable;
		if (cellmanager.getCell$(column.colIndex, row)) {
			cellmanager.refreshCell(this.datatable.getCell(column.colIndex, row), true);
		}
	}

	show_header_tick() {
		const box = this.wrapper.querySelector(".wo-tick[data-all]");
		if (!box) return;
		const ticked = [...this.ticks.values()].filter(Boolean).length;
		box.checked = this.ticks.size > 0 && ticked === this.ticks.size;
		box.indeterminate = ticked > 0 && ticked < this.ticks.size;
		box.disabled = this.layout.ticks !== "edit" || this.ticks.size === 0;
	}

	row_of(name) {
		return this.items.findIndex((item) => item.name === name);
	}

	// KEYBOARD: arrows move (DataTable), space ticks, Ctrl+A ticks all under the filter, Enter opens, i shows
	// details.

	bind_keys() {
		this.wrapper.addEventListener("focusin", (event) => {
			const cell = event.target;
			if (!cell.matches?.(".dt-scrollable .dt-cell")) return;
			if (this.datatable.cellmanager.$focusedCell !== cell) {
				this.datatable.cellmanager.focusCell(cell, { skipScrollToCell: 1 });
			}
		});
		this.wrapper.addEventListener("keydown", (event) => this.key_pressed(event), true);
	}

	key_pressed(event) {
		if (event.target.matches("input:not(.wo-tick), textarea")) return;
		if (event.key === "/") {
			this.on_filter();
			stop(event);
			return;
		}
		const position = this.focused_position();
		if (event.key === " " && position && !event.target.matches(".wo-tick, button, a")) {
			const item = this.items[position.row];
			if (this.layout.ticks === "edit") this.tick([item.name], !this.ticks.get(item.name));
			stop(event);
		} else if (event.key === "i" && position && !event.ctrlKey && !event.metaKey) {
			this.on_info(this.items[position.row]);
			stop(event);
		} else if (event.key === "Enter" && position && !event.target.matches("a, button")) {
			const anchor = event.target.querySelector?.("a[href]");
			if (!anchor) return;
			anchor.click();
			stop(event);
		} else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
			if (this.layout.ticks === "edit") this.on_tick_all();
			stop(event);
		} else if (event.key === "ArrowUp" && position?.row === 0) {
			this.on_filter();
			stop(event);
		}
	}

	focused_position() {
		const cell = document.activeElement?.closest?.(".dt-scrollable .dt-cell");
		if (!cell || !this.wrapper.contains(cell)) return null;
		return { row: cint(cell.dataset.rowIndex), column: cint(cell.dataset.colIndex) };
	}

	focus_cell(column = 1, row = 0) {
		if (!this.items.length) return;
		const cell = this.datatable.cellmanager.getCell$(column, Math.max(row, 0));
		if (cell) this.datatable.cellmanager.focusCell(cell);
	}

	// WRITE-OFF AMOUNT

	amount_editor(col_index, row_index, value, parent, column) {
		if (column.id !== "write_off_amount") return false;
		const item = this.items[row_index];
		if (!item.ticked) return false;
		const input = document.createElement("input");
		input.className = "dt-input form-control text-right";
		input.inputMode = "decimal";
		input.setAttribute("aria-label", __("Write-Off Amount of {0}", [item.voucher_no]));
		parent.append(input);
		return {
			initValue: (amount) => {
				input.value = format_number(flt(amount), get_number_format(item.currency));
				input.focus();
				input.select();
			},
			// The server rejects a text that is not an amount.
			getValue: () => {
				const amount = parse_number(input.value, get_number_format(item.currency));
				return Number.isNaN(amount) ? input.value : amount;
			},
			setValue: (amount) =>
				amount === flt(item.write_off_amount) ? undefined : this.on_amount(item, amount),
		};
	}
}

function stop(event) {
	event.preventDefault();
	event.stopPropagation();
}
