#!/usr/bin/env python3
"""Writes the files of src/testing/data/documents with the libraries that people use, for
src/documents/documents_test.cpp, which states what is in them.

Needs the Python packages python-docx, python-pptx, openpyxl, odfpy, ebooklib, reportlab and pypdf.
"""
import datetime
import io
import pathlib

import docx
import openpyxl
import pptx
import pptx.util
import pypdf
from ebooklib import epub
from odf import opendocument, table, text
from reportlab.lib import pagesizes, styles
from reportlab.pdfgen import canvas
from reportlab import platypus

DATA = pathlib.Path(__file__).parent.parent / "src/testing/data/documents"


def write_docx():
    document = docx.Document()
    document.core_properties.title = "Travel rules"
    document.core_properties.language = "en-GB"
    document.add_heading("Travel rules", 0)
    document.add_heading("Trains", 1)
    paragraph = document.add_paragraph("Second class ")
    paragraph.add_run("always").bold = True
    paragraph.add_run(", 车票 are kept.")
    document.add_paragraph("Book early", style="List Bullet")
    document.add_paragraph("Refundable fares", style="List Bullet 2")
    rows = document.add_table(rows=2, cols=2)
    for i, word in enumerate(["City", "Limit", "Köln", "120 €"]):
        rows.cell(i // 2, i % 2).text = word
    document.add_heading("Hotels", 2)
    document.add_paragraph("Up to three nights.")
    document.save(DATA / "rules.docx")


def write_pptx():
    slides = pptx.Presentation()
    first = slides.slides.add_slide(slides.slide_layouts[1])
    first.shapes.title.text = "Results"
    body = first.placeholders[1].text_frame
    body.text = "Revenue grew"
    inner = body.add_paragraph()
    inner.text = "by 12 %"
    inner.level = 1
    first.notes_slide.notes_text_frame.text = "Thank the team."
    second = slides.slides.add_slide(slides.slide_layouts[5])
    second.shapes.title.text = "Figures"
    cells = second.shapes.add_table(2, 2, 0, 0, pptx.util.Inches(4), pptx.util.Inches(1)).table
    for i, word in enumerate(["Year", "Sum", "2025", "31"]):
        cells.cell(i // 2, i % 2).text = word
    slides.save(DATA / "results.pptx")


def write_xlsx():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Orders"
    sheet.append(["Order", "Date", "Amount", "Share", "Open"])
    sheet.append(["A-1", datetime.date(2025, 3, 1), 1234.5, 0.125, True])
    sheet.append(["A-2", datetime.datetime(2024, 2, 29, 13, 45), 0.1 + 0.2, 1, False])
    sheet["B3"].number_format = "yyyy-mm-dd hh:mm"
    sheet["C2"].number_format = "#,##0.00"
    sheet["D2"].number_format = "0.0%"
    sheet["A5"] = "Remarks"
    sheet["A6"] = "None"
    sheet["C6"] = "yet"
    book.create_sheet("空").append(["甲", "乙"])
    book.save(DATA / "orders.xlsx")


def write_odt():
    document = opendocument.OpenDocumentText()
    document.text.addElement(text.H(outlinelevel=1, text="Minutes"))
    paragraph = text.P(text="Present:")
    paragraph.addElement(text.S(c=2))
    paragraph.addText("Ada")
    paragraph.addElement(text.LineBreak())
    paragraph.addText("and Grace")
    document.text.addElement(paragraph)
    items = text.List()
    item = text.ListItem()
    item.addElement(text.P(text="Budget"))
    inner = text.List()
    inner_item = text.ListItem()
    inner_item.addElement(text.P(text="approved"))
    inner.addElement(inner_item)
    item.addElement(inner)
    items.addElement(item)
    document.text.addElement(items)
    rows = table.Table(name="T")
    for words in (["Task", "By"], ["Report", "May"]):
        row = table.TableRow()
        for word in words:
            cell = table.TableCell()
            cell.addElement(text.P(text=word))
            row.addElement(cell)
        rows.addElement(row)
    document.text.addElement(rows)
    document.save(DATA / "minutes.odt")


def write_ods():
    document = opendocument.OpenDocumentSpreadsheet()
    sheet = table.Table(name="Stock")
    for words in (["Part", "Count"], ["Bolt", "40"], ["Nut", "40"]):
        row = table.TableRow()
        for word in words:
            cell = table.TableCell(valuetype="string")
            cell.addElement(text.P(text=word))
            row.addElement(cell)
        row.addElement(table.TableCell(numbercolumnsrepeated=1000))
        sheet.addElement(row)
    sheet.addElement(table.TableRow(numberrowsrepeated=1000000))
    document.spreadsheet.addElement(sheet)
    document.save(DATA / "stock.ods")


def write_epub():
    book = epub.EpubBook()
    book.set_title("Two tales")
    book.set_language("de")
    chapters = []
    for name, title, body in (("b", "Ende", "<p>Schluss.</p>"), ("a", "Anfang", "<p>Es war<br/>einmal.</p>")):
        chapter = epub.EpubHtml(title=title, file_name=name + ".xhtml")
        chapter.content = f"<h1>{title}</h1><a id='x'/>{body}"
        book.add_item(chapter)
        chapters.append(chapter)
    book.add_item(epub.EpubNcx())
    book.add_item(epub.EpubNav())
    book.spine = ["nav", chapters[1], chapters[0]]
    epub.write_epub(str(DATA / "tales.epub"), book)


def furniture(page, document):
    page.setFont("Helvetica", 8)
    page.drawString(72, pagesizes.A4[1] - 40, "Example Ltd. internal")
    page.drawString(72, 30, f"Page {document.page} of 3")


def write_pdf():
    sheet = styles.getSampleStyleSheet()
    story = [platypus.Paragraph("Safety manual", sheet["Title"]), platypus.Paragraph("1 Purpose", sheet["Heading1"])]
    words = "Every machine is switched off before its cover is opened, and a second person confirms that. "
    story.append(platypus.Paragraph(words * 3, sheet["BodyText"]))
    story.append(platypus.Paragraph("A long word is cut by an extra-", sheet["BodyText"]))
    story.append(platypus.PageBreak())
    story.append(platypus.Paragraph("2 Limits", sheet["Heading1"]))
    rows = [["Machine", "Pressure", "Interval"], ["Press", "12 bar", "30 days"], ["Lathe", "none", "90 days"]]
    story.append(platypus.Table(rows, colWidths=[150, 120, 120]))
    story.append(platypus.Preformatted("if pressure > 12:\n    stop()", sheet["Code"]))
    story.append(platypus.PageBreak())
    story.append(platypus.Paragraph("3 Contact", sheet["Heading1"]))
    story.append(platypus.Paragraph("Call 1234.", sheet["BodyText"]))
    output = platypus.SimpleDocTemplate(
        str(DATA / "manual.pdf"), pagesize=pagesizes.A4, title="Safety manual", invariant=1)
    output.build(story, onFirstPage=furniture, onLaterPages=furniture)

    page = canvas.Canvas(str(DATA / "scan.pdf"), invariant=1)
    page.rect(100, 100, 300, 300, fill=1)
    page.showPage()
    page.save()

    plain = io.BytesIO()
    page = canvas.Canvas(plain, invariant=1)
    page.drawString(72, 700, "Secret")
    page.save()
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(plain))
    writer.encrypt("user", "owner", algorithm="RC4-128")
    writer.write(DATA / "locked.pdf")


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    write_docx()
    write_pptx()
    write_xlsx()
    write_odt()
    write_ods()
    write_epub()
    write_pdf()


main()
