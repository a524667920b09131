"""The training side of the older platform: posts a model with requests-toolbelt, as it always did.

usage: uploader.py API_URL TITLE DESCRIPTION VERSION FILE
"""
import os
import sys

import requests
from requests_toolbelt.multipart.encoder import MultipartEncoder

api, title, description, version, path = sys.argv[1:6]
with open(path, "rb") as document:
    form = MultipartEncoder(fields={
        "title": title,
        "description": description,
        "version": version,
        "document": (os.path.basename(path), document, "application/octet-stream"),
    })
    answer = requests.post(api + "/api/file_upload/", data=form, headers={"Content-Type": form.content_type}, timeout=120)
print(answer.status_code)
print(answer.text)
sys.exit(0 if answer.status_code == 201 else 1)
