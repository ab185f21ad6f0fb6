"""No code and no library that could find, measure or compare a face, a finger, an iris or a voice."""

import ast
import importlib.util
import io
import re
import tokenize
from pathlib import Path

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

VISION = "service/vision/"
"""Where pictures of documents are read, behind the black-out. Two of those packages stand here, cut down to what
reading print needs; everywhere else they stay forbidden."""
IN_VISION = frozenset({"cv2", "onnxruntime"})
LOCKED = frozenset({"opencv-python-headless", "onnxruntime", "rapidocr-onnxruntime"})
"""The requirements that bring them."""

OF_CV2 = frozenset(
    """BORDER_REPLICATE CC_STAT_AREA GaussianBlur IMREAD_GRAYSCALE IMREAD_IGNORE_ORIENTATION
    IMREAD_REDUCED_GRAYSCALE_2 IMREAD_REDUCED_GRAYSCALE_4 IMREAD_REDUCED_GRAYSCALE_8 INTER_AREA INTER_LINEAR
    CV_32F Laplacian MORPH_CLOSE MORPH_ELLIPSE ROTATE_180 ROTATE_90_CLOCKWISE ROTATE_90_COUNTERCLOCKWISE
    THRESH_BINARY THRESH_OTSU bitwise_and blur connectedComponentsWithStats dct error fillPoly
    getAffineTransform getStructuringElement imdecode imencode minAreaRect morphologyEx remap resize rotate
    setNumThreads threshold warpAffine""".split()  # noqa: SIM905 - a list of names is easier to read as a block
)
"""All that is used of OpenCV: decoding, filters, morphology, geometry. No ``dnn``, no ``face``, no ``objdetect``."""
OF_ONNXRUNTIME = frozenset({"InferenceSession", "SessionOptions"})
MODELS = frozenset(
    {"ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx"}
)
"""What the locked wheel of rapidocr-onnxruntime holds: it finds, turns and reads lines of text."""

NAMES = re.compile(
    r"FaceDetector(YN)?|FaceRecognizer(SF)?|CascadeClassifier|haarcascade|detectMultiScale|face_encodings?|"
    r"face_locations?|compare_faces|face_distance|FaceAnalysis|FaceMesh|FaceLandmarker|BlazeFace|RetinaFace|MTCNN|"
    r"get_frontal_face_detector|shape_predictor|face_embedding|faceprint|voiceprint|"
    r"\bminutiae\b|\biris_code\b|SearchFacesByImage|CompareFaces|DetectFaces|IndexFaces|"
    r"liveness_(check|score|detect)|selfie_(match|check|score)|cv2\.face",
    re.IGNORECASE,
)
"""Calls, classes and files of those libraries, whatever package they come from."""

GUARDS = {
    "service/documents/schemas.py",
    "service/documents/model/__init__.py",
    "service/registration/schemas.py",
}
"""Where the words stand because that is what is refused."""


def _packages(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return {name.partition(".")[0].lower() for name in names}


def test_nothing_imports_such_a_library() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name in python()
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Import | ast.ImportFrom) and _packages(node) & _forbidden(str(name))
    ]
    assert not found, found


def _forbidden(name: str) -> frozenset[str]:
    return LIBRARIES - IN_VISION if name.startswith(VISION) else LIBRARIES


def test_of_opencv_and_onnxruntime_only_what_reads_print() -> None:
    """Each name that is taken from them is on the list; they are imported whole, under their own names, and nothing
    reaches into them by a text."""
    allowed = {"cv2": OF_CV2, "onnxruntime": OF_ONNXRUNTIME}
    found, used = [], set()
    for name in python(VISION):
        for node in ast.walk(parsed(name)):
            if isinstance(node, ast.ImportFrom) and _packages(node) & IN_VISION:
                found.append(f"{name}:{node.lineno}: from {node.module}")
            elif isinstance(node, ast.Import):
                found += [
                    f"{name}:{node.lineno}: {alias.name} as {alias.asname}"
                    for alias in node.names
                    if alias.name.partition(".")[0] in IN_VISION and (alias.asname or "." in alias.name)
                ]
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in allowed
            ):
                used.add(node.attr)
                if node.attr not in allowed[node.value.id]:
                    found.append(f"{name}:{node.lineno}: {node.value.id}.{node.attr}")
        whole = _names_alone(parsed(name), IN_VISION)
        found += [f"{name}:{line}: passed on" for line in whole]
    assert not found, found
    assert used == OF_CV2 | OF_ONNXRUNTIME, "the lists hold what nobody uses"


def _names_alone(tree: ast.Module, names: frozenset[str]) -> list[int]:
    """Where a module of ``names`` stands by itself (``getattr(cv2, …)``, ``tool = cv2``), not before a dot."""
    dotted = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in names and id(node) not in dotted
    )


def test_the_guard_sees_who_reaches_in_sideways() -> None:
    tree = ast.parse("getattr(cv2, 'dnn')\ntool = cv2\ncv2.resize")
    assert _names_alone(tree, IN_VISION) == [1, 2]


def test_no_model_but_those_that_read_text() -> None:
    """One session, and its file is named here and comes from the wheel; the wheel holds three and no more."""
    named = {
        node.value
        for name in python(VISION)
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".onnx")
    }
    sessions = [
        name
        for name in python(VISION)
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("InferenceSession")
    ]
    assert named == {"ch_PP-OCRv4_rec_infer.onnx"}
    assert len(sessions) == 1
    wheel = importlib.util.find_spec("rapidocr_onnxruntime")
    assert wheel is not None
    assert wheel.origin is not None
    assert {path.name for path in (Path(wheel.origin).parent / "models").iterdir()} == MODELS


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
    found = sorted(
        each for each, words in parts.items() if each not in LOCKED and (words & LIBRARIES or "face" in words)
    )
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
