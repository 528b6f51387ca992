import { escape } from "./text";

const EVENT = "write_off_run_export";

// Needs the export permission only, not write.
export async function export_list(frm, file_format) {
	const { message } = await frappe.call({
		method: "run_doc_method",
		args: { dt: frm.doctype, dn: frm.doc.name, method: "export_items", args: { file_format } },
		freeze: true,
		freeze_message: __("Creating the file…"),
	});
	if (message.file_url) {
		window.open(message.file_url);
		return;
	}
	frappe.show_alert(
		__("The file is being created in the background. You will be notified when it is ready.")
	);
	const ready = (data) => {
		if (data.run !== frm.doc.name) return;
		frappe.realtime.off(EVENT, ready);
		frappe.show_alert(
			{
				message: `<a href="${escape(data.file_url)}" target="_blank">${escape(
					__("The list is ready.")
				)}</a>`,
				indicator: "green",
			},
			30
		);
	};
	frappe.realtime.on(EVENT, ready);
}
