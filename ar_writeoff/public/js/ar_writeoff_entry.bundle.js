// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

import { write_off_invoices } from "./from_invoices";
import { hold } from "./hold_dialog";
import { reinstate_and_allocate } from "./late_money_dialog";
import { send_notices } from "./letters_dialog";

frappe.provide("frappe.ar_writeoff");
frappe.ar_writeoff.write_off_invoices = write_off_invoices;
frappe.ar_writeoff.hold = hold;
frappe.ar_writeoff.reinstate_and_allocate = reinstate_and_allocate;
frappe.ar_writeoff.send_notices = send_notices;
