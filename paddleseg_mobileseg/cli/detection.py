"""`mobileseg detection`: train, evaluate, use and export detectors of PaddleDetection on this plugin's backbones."""

EXAMPLE = "mobileseg detection train --config configs/detection/retinanet_seaformer_base_coco_1x.yml --do_eval"


def add_arguments(parser) -> None:
    parser.add_argument("action", choices=["train", "val", "predict", "export"], help="what to do")
    parser.add_argument("--config", required=True, help="a config of PaddleDetection")
    parser.add_argument("--opts", nargs="+", default=[], metavar="KEY=VALUE", help="override the config")
    parser.add_argument("--weights", help="a checkpoint (default: the config's `weights`; train starts from it)")
    parser.add_argument("--do_eval", action="store_true", help="train: evaluate after every epoch that is saved")
    parser.add_argument("--save_dir", help="folder for what is written (default: the config's save_dir)")
    parser.add_argument("--image_path", help="predict: an image or a folder of images")
    parser.add_argument("--threshold", type=float, default=0.5, help="predict: lowest score drawn (default: 0.5)")


def run(args) -> None:
    from ..detection.commands import COMMANDS

    COMMANDS[args.action](args)
