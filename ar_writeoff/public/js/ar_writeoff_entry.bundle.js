// Copyright (c) 2026, AR Write-Off contributors
// For license information, please see license.txt

import { write_off_invoices } from "./from_invoices";

frappe.provide("frappe.ar_writeoff");
frappe.ar_writeoff.write_off_invoices = write_off_invoices;
