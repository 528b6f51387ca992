// How the form talks to the run's whitelisted methods. The saved document counts, so only its name travels.

const DOCTYPE = "Write-Off Run";

function call(type, name, method, args, options = {}) {
	return new Promise((resolve, reject) => {
		frappe.call({
			type,
			url: `/api/resource/${encodeURIComponent(DOCTYPE)}/${encodeURIComponent(name)}`,
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

// Neither of the two touches what a person is typing into the form meanwhile.
export const read = (name, method, args, options) => call("GET", name, method, args, options);

export const write = (name, method, args, options) => call("POST", name, method, args, options);

// For methods that change the run itself: the form is loaded again afterwards, also when they refuse.
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
