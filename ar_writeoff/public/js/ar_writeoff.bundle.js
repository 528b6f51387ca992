import { RunForm } from "./write_off_run/run_form";

frappe.provide("frappe.ar_writeoff");

// One controller per form object, which Frappe reuses for all runs.
frappe.ar_writeoff.run_form = (frm) => {
	frm.write_off_run_form = frm.write_off_run_form || new RunForm(frm);
	return frm.write_off_run_form;
};
