"""No code and no library that could find, measure or compare a face, a finger, an iris or a voice."""

import ast
import io
import re
import tokenize

import pytest

from tests.house.tree import ROOT, files, parsed, python, text

LIBRARIES = frozenset(
    """arcface compreface cv2 deepface dlib face_alignment face_recognition face_recognition_models facenet
    facenet_pytorch facexlib insightface keras_vggface mediapipe mtcnn openface retinaface retina_face yoloface
    skimage sklearn tensorflow torch torchvision onnxruntime librosa pyannote resemblyzer speechbrain silero vosk
    whisper opencv boto3 azure rekognition fprint pyfingerprint sourceafis nbis iris
    """.split()  # noqa: SIM905 - a list of names is easier to read as a block
)
"""Packages that hold models of faces, fingers or voices, the frameworks that run them, clouds that offer them."""

NAMES = re.compile(
    r"FaceDetector(YN)?|FaceRecognizer(SF)?|CascadeClassifier|haarcascade|detectMultiScale|face_encodings?|"
    r"face_locations?|compare_faces|face_distance|FaceAnalysis|FaceMesh|FaceLandmarker|BlazeFace|RetinaFace|MTCNN|"
    r"get_frontal_face_detector|shape_predictor|face_embedding|faceprint|voiceprint|"
    r"\bminutiae\b|\biris_code\b|SearchFacesByImage|CompareFaces|DetectFaces|IndexFaces|"
    r"liveness_(check|score|detect)|selfie_(match|check|score)|cv2\.face",
    re.IGNORECASE,
)
"""Calls, classes and files of those libraries, whatever package they come from."""

GUARDS = {"service/documents/schemas.py", "service/documents/model.py", "service/registration/schemas.py"}
"""Where the words stand because that is what is refused."""


def _packages(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return {name.partition(".")[0].lower() for name in names}


def test_nothing_imports_such_a_library() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name in python()
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Import | ast.ImportFrom) and _packages(node) & LIBRARIES
    ]
    assert not found, found


def test_nothing_imports_one_by_name_at_run_time() -> None:
    """``import_module("dlib")``: a text that is the name of such a library."""
    found = [
        f"{name}:{node.lineno}"
        for name in python("service/", "tools/", "examples/")
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("import_module", "__import__", "find_spec"))
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and str(node.args[0].value).partition(".")[0].lower() in LIBRARIES
    ]
    assert not found, found


def test_no_code_calls_such_a_thing() -> None:
    """Names and texts of the code; comments and docstrings may say what is not done."""
    found = []
    for name in python("service/", "tools/", "examples/", "bench/"):
        if str(name) in GUARDS:
            continue
        source = io.StringIO(text(name) or "")
        for token in tokenize.generate_tokens(source.readline):
            is_prose = token.type == tokenize.STRING and token.string.lstrip("rbuRBU").startswith('"""')
            if token.type in (tokenize.NAME, tokenize.STRING) and not is_prose and NAMES.search(token.string):
                found.append(f"{name}:{token.start[0]}: {token.string[:40]}")
    assert not found, found


def test_the_guards_still_exist() -> None:
    assert all((ROOT / name).is_file() for name in GUARDS)


@pytest.mark.parametrize(
    "name", [name for name in files() if re.fullmatch(r"requirements[\w-]*\.(in|txt)", name.name)], ids=str
)
def test_no_requirement_is_such_a_library(name: object) -> None:
    """Direct ones and what they bring along."""
    wanted = re.findall(r"^([A-Za-z0-9][\w.-]*)", (ROOT / str(name)).read_text("utf-8"), re.M)
    parts = {
        each.lower(): set(re.split(r"[-_.]", each.lower())) | {each.lower().replace("-", "_")}
        for each in wanted
    }
    assert parts
    found = sorted(each for each, words in parts.items() if words & LIBRARIES or "face" in words)
    assert not found, found


def test_no_model_is_committed() -> None:
    """Weights come as files: none of their formats is in the tree."""
    formats = {
        ".onnx",
        ".tflite",
        ".pb",
        ".pt",
        ".pth",
        ".caffemodel",
        ".dat",
        ".h5",
        ".safetensors",
        ".bin",
        ".xml",
    }
    found = [str(name) for name in files() if name.suffix in formats]
    assert not found, found


def test_the_dashboard_asks_for_no_camera_and_no_microphone() -> None:
    asks = re.compile(
        r"getUserMedia|FaceDetector|mediaDevices|ImageCapture|capture=|type=.file|webkitGetUserMedia", re.I
    )
    found = [
        str(name)
        for name in files()
        if str(name).startswith("service/admin/")
        and name.suffix in (".html", ".js", ".py")
        and asks.search(text(name) or "")
    ]
    assert not found, found
