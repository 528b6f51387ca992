// Calls of the run's whitelisted methods. They act on the saved document, so only its name is sent.

import { doctype_of } from "./run_types";

function call(type, name, method, args, options = {}) {
	return new Promise((resolve, reject) => {
		frappe.call({
			type,
			url: `/api/resource/${encodeURIComponent(doctype_of(name))}/${encodeURIComponent(name)}`,
			args: { ...without_empty(args), run_method: method },
			freeze: Boolean(options.freeze_message),
			freeze_message: options.freeze_message,
			silent: options.silent,
			callback: (r) => resolve(r.data),
			error: (r) => reject(new RequestFailed(method, r)),
		});
	});
}

export class RequestFailed extends Error {
	constructor(method, response) {
		super(method);
		this.response = response;
	}
}

// Both leave unsaved input in the form alone.
export const read = (name, method, args, options) => call("GET", name, method, args, options);

export const write = (name, method, args, options) => call("POST", name, method, args, options);

// For methods that change the run: the form is reloaded afterwards, also after an error.
export async function change(frm, method, args, options) {
	const name = frm.doc.name;
	try {
		return await write(name, method, args, options);
	} finally {
		if (frm.doc.name === name) await frm.reload_doc();
	}
}

function without_empty(args = {}) {
	return Object.fromEntries(
		Object.entries(args).filter(([, value]) => value !== undefined && value !== null)
	);
}

export const freeze = (freeze_message) => ({ freeze_message });

// The desk has already shown the error.
export const ignore_error = (request) => request.catch(() => {});
