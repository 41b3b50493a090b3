"""Words of the DICOM standard that say what is on an image, and as they are met.

These may be quoted to people; whatever else a tag holds may be free text that names a person.
"""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PROJECTIONS: Final = frozenset({"", "CR", "DX", "DR", "RG", "XR", "OT", "SC"})
"""Modalities of projection radiographs; OT and SC are those of converted and of scanned images."""
MODALITIES: Final = _words(
    "AR ASMT AU BDUS BI BMD CD CF CP CS CT DD DF DG DM DOC DS EC ECG EEG EM EMG EOG EPS ES FA FID FS GM HC HD IO IOL "
    "IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PLAN PR PT PX REG "
    "RESP RF RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF ST STAIN TEXTUREMAP "
    "TG US VA VF VL XA XAPROTOCOL XC"
)
"""Other codes of PS3.3 C.7.3.1.1.1, present and retired."""

IMAGE_CLASSES: Final = frozenset(
    {
        "",
        "1.2.840.10008.5.1.4.1.1.1",  # computed radiography
        "1.2.840.10008.5.1.4.1.1.1.1",  # digital X-ray, for presentation
        "1.2.840.10008.5.1.4.1.1.1.1.1",  # the same for processing, which has a word of its own below
        "1.2.840.10008.5.1.4.1.1.7",  # secondary capture: scanned or converted, and most public data sets
        "1.2.840.10008.5.1.4.1.1.7.2",  # and in grey bytes or
        "1.2.840.10008.5.1.4.1.1.7.3",  # words, which may have a single frame
    }
)
FOR_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"

CHEST: Final = frozenset({"CHEST", "THORAX", "TORAX", "TORACE", "LUNG", "LUNGS", "LUNGE"})
UNTOLD: Final = frozenset({"", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "OTHER", "NONE"})
BODY_PARTS: Final = _words(
    "ABDOMEN ABDOMENPELVIS ANKLE ARM BABYGRAM BLADDER BRAIN BREAST BRONCHUS BUTTOCK CALCANEUS CALF CAROTID CEREBELLUM "
    "CERVIX CHESTABDOMEN CHESTABDPELVIS CLAVICLE COCCYX COLON CSPINE CTSPINE EAR ELBOW ESOPHAGUS EXTREMITY EYE FACE "
    "FEMUR FINGER FOOT FOREARM HAND HEAD HEADNECK HEART HIP HUMERUS JAW KIDNEY KNEE LEG LIVER LSPINE LSSPINE LUMBAR "
    "MANDIBLE MAXILLA MEDIASTINUM NECK NECKCHEST NECKCHESTABDOMEN ORBIT PANCREAS PATELLA PELVIS PROSTATE RADIUS RIB "
    "RIBS SACRUM SCAPULA SHOULDER SINUS SKULL SPINE STERNUM STOMACH TEETH TESTIS THIGH THUMB TIBIA TLSPINE TOE TSPINE "
    "ULNA UTERUS WHOLEBODY WRIST ZYGOMA"
)
"""Words of PS3.16 Annex L, and plurals; images of ribs are taken for bones, with more contrast and often oblique."""

NOT_FRONTAL: Final = {
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "LLATERAL", "RLATERAL"), "a lateral view"),
    **dict.fromkeys(("LAO", "RAO", "LPO", "RPO", "LLO", "RLO", "OBL", "OBLIQUE"), "an oblique view"),
    **dict.fromkeys(("LLD", "RLD", "DECUBITUS", "DECUB"), "a view of a patient who lies on one side"),
    **dict.fromkeys(("CC", "MLO", "ML", "LM", "XCCL"), "a view of a breast"),
}
"""Values of View Position and what they mean, of the standard (PS3.3 C.8.1.1.1.1) and as they are met."""
NOT_FRONTAL_CODES: Final = _words(
    # Lateral, then oblique.
    "399067008 399173006 399198007 399352003 399260004 30730003 260427002 "
    "399182000 399184004 399236003 399135007 399356000 399006002 399038007 399312000 399059000 399160007 "
    "R-102CD R-10236 R-10232 R-10228 R-10224 G-A145 R-40783 "
    "R-102C1 R-10238 R-10234 R-10220 R-40985 R-10212 R-10210 R-10208 R-10216 R-10204"
)
"""View codes of PS3.16 CID 4010: of SNOMED CT, and of SNOMED RT which older images have."""

COLOURS: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR"})

NO_PATIENT: Final = _words(
    "ANON ANONYM ANONYMIZED ANONYMISED ANONYMOUS DEIDENTIFIED DE-IDENTIFIED N/A NA NONE NULL PATIENT REDACTED REMOVED "
    "UNKNOWN X XX XXX XXXX 0"
)
"""Identities that stand for none: images of many patients share them."""
