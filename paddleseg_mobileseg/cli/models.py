"""`mobileseg models`: the table of models, counted and published."""

EXAMPLE = "mobileseg models --json"


def add_arguments(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--ablations", action="store_true", help="the paper's ablations of PP-MobileSeg-Base instead")
    parser.add_argument("--pretrained", action="store_true", help="the published weights, by name, instead")
    parser.add_argument("--num-classes", type=int, default=150, help="classes to count with (default: 150)")


def run(args) -> None:
    from .models_table import print_models

    print_models(args)
