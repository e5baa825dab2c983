"""Slips by reportlab, for benches/render.rs to be held against: python3 slips_by_reportlab.py COUNT PER_PAGE FONT OUTPUT

The same content as ours: what all slips share is one form, each slip places it and adds its QR code (29 x 29, level M)
and the same code for typing. Prints seconds and peak kilobytes. Exit 3 without reportlab.
"""
import resource
import secrets
import sys
import time

try:
    from reportlab.graphics import renderPDF
    from reportlab.graphics.barcode.qr import QrCodeWidget
    from reportlab.graphics.shapes import Drawing
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas
except ImportError:
    sys.exit(3)

count, per_page, font, output = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
high = A4[1] / per_page
begin = time.perf_counter()
pdfmetrics.registerFont(TTFont("sans", font))
canvas = Canvas(output, pagesize=A4)
canvas.beginForm("slip")
for size, y, words in [
    (14, 52, "2026年度会员评议职工之家选票"),
    (10, 46, "平安里街道滨海科技产业园区联合基层工会委员会　截止：2026年11月30日18时"),
    (9, 40, "1. 微信扫码，勾选后提交；一票只计一次。2. 不用手机的，在□内打“✓”，投入票箱。"),
    (9, 36, "3. 不记名、无编号；请勿转让、拍照。"),
    (10, 4, "扫不了码？打开 pj.laiyang.example.cn 输入选票码："),
]:
    canvas.setFont("sans", size)
    canvas.drawString((5 if y > 42 or y < 9 else 40) * mm, y * mm, words)
canvas.setFont("sans", 11)
for row, title in enumerate(["职工之家建设（建家活动）", "工会工作", "工会主席履职"]):
    y = (29 - 7 * row) * mm
    canvas.drawString(40 * mm, y, f"{row + 1}. {title}")
    for column, answer in enumerate(["满意", "基本满意", "不满意", "不了解"]):
        canvas.rect((90 + 22 * column) * mm, y, 3.5 * mm, 3.5 * mm)
        canvas.drawString((95 + 22 * column) * mm, y, answer)
canvas.endForm()
for slip in range(count):
    code = "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(26))
    canvas.saveState()
    canvas.translate(0, (per_page - 1 - slip % per_page) * high)
    canvas.doForm("slip")
    widget = QrCodeWidget(f"HTTPS://PJ.LAIYANG.EXAMPLE.CN/V/{code[:5]}-{code[5:]}", barLevel="M")
    widget.barWidth = widget.barHeight = 32 * mm
    drawing = Drawing(32 * mm, 32 * mm)
    drawing.add(widget)
    renderPDF.draw(drawing, canvas, 4 * mm, 10 * mm)
    canvas.setFont("sans", 13)
    canvas.drawString(95 * mm, 4 * mm, "  ".join([code[:5], code[5:9], code[9:13], code[13:17], code[17:21], code[21:]]))
    canvas.restoreState()
    if slip % per_page == per_page - 1:
        canvas.showPage()
canvas.save()
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
