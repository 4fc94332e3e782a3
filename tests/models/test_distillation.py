"""Multi-resolution distillation: its losses, what they train, what is saved, and the student that is left."""

import copy
import json
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.models.losses import CrossEntropyLoss

from paddleseg_mobileseg import VIM, InputError, MultiResolutionDistillation, build_model
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.export import export_model
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor
from paddleseg_mobileseg.models.distillation import feature_distance, output_divergence
from support.chance import without_chance
from support.exports import randomise, scene
from support.mobileseg_command import last_line, run
from support.small_data import NUM_CLASSES, changed, config, write_config, write_data

LOSSES = {"types": [CrossEntropyLoss()], "coef": [1]}
STOCK = ("topformer_tiny", "lraspp_mobilenetv3", "mobileseg_mobilenetv2", "seaformer_tiny")


def saved(name, path):
    paddle.save(randomise(build_model(name, NUM_CLASSES)).state_dict(), str(path))
    return str(path)


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory):
    return saved("pp_mobileseg_tiny", tmp_path_factory.mktemp("teacher") / "teacher.pdparams")


def distillation(teacher_file, student="pp_mobileseg_tiny", teacher="pp_mobileseg_tiny", **options):
    """A student with weights that leave no layer without effect, and its teacher."""
    student = randomise(build_model(student, NUM_CLASSES), seed=1)
    return MultiResolutionDistillation(
        NUM_CLASSES, student, build_model(teacher, NUM_CLASSES), teacher_file, **options
    )


def batch(height=128, width=192, count=2):
    """Images, and labels of which some are ignored."""
    images = np.stack([scene(seed, height, width) for seed in range(count)]).transpose(0, 3, 1, 2)
    labels = np.random.RandomState(0).randint(0, NUM_CLASSES, (count, height, width))
    labels[:, :8] = 255
    return paddle.to_tensor((images / 128 - 1).astype("float32")), {"label": paddle.to_tensor(labels)}


def mean_of_two_by_two(images):
    """Half the height and width: the mean of each two by two pixels."""
    n, c, h, w = images.shape
    return paddle.to_tensor(images.numpy().reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5)))


def log_softmax(logits):
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def reference_divergence(logits, target, temperature):
    p, q = (log_softmax(each.astype(np.float64) / temperature) for each in (target, logits))
    return (np.exp(p) * (p - q)).sum(1).mean() * temperature**2


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_divergence_of_outputs_is_that_of_kullback_and_leibler(temperature):
    random = np.random.RandomState(0)
    logits, target = (random.normal(0, 3, (2, 5, 4, 6)).astype(np.float32) for _ in range(2))
    found = float(output_divergence(paddle.to_tensor(logits), paddle.to_tensor(target), temperature))
    assert found == pytest.approx(reference_divergence(logits, target, temperature), rel=1e-5)
    assert float(output_divergence(paddle.to_tensor(target), paddle.to_tensor(target), temperature)) == 0


def test_divergence_stretches_the_students_logits_to_the_teachers():
    logits, target = paddle.randn([1, 3, 2, 2]), paddle.randn([1, 3, 4, 4])
    # Half-pixel centres: the weights of two samples at the four positions between and beside them.
    weights = np.array([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    stretched = np.einsum("ai,ncij,bj->ncab", weights, logits.numpy(), weights)
    expected = reference_divergence(stretched, target.numpy(), 1.0)
    assert float(output_divergence(logits, target)) == pytest.approx(expected, rel=1e-5)


def test_distance_of_features_is_relative_to_the_teachers():
    random = np.random.RandomState(0)
    feature, target = (random.normal(0, 3, (2, 5, 4, 6)).astype(np.float32) for _ in range(2))
    found = float(feature_distance(paddle.to_tensor(feature), paddle.to_tensor(target)))
    assert found == pytest.approx(((feature - target) ** 2).sum() / (target**2).sum(), rel=1e-5)
    assert float(feature_distance(paddle.to_tensor(100 * feature), paddle.to_tensor(100 * target))) == (
        pytest.approx(found, rel=1e-5)
    )
    assert float(feature_distance(paddle.zeros([2, 5, 4, 6]), paddle.to_tensor(target))) == pytest.approx(1)


def test_losses_of_an_iteration_are_of_the_reduced_and_of_the_whole_image(teacher_file):
    model = distillation(
        teacher_file, output_weight=0.7, feature_weight=0.3, cross_model_weight=0.2, temperature=2.0
    )
    images, data = batch()
    model.train()
    for part in (model.student, model.feature_upsampling):
        part.eval()  # without dropout, so that a second run gives the same
    classifier = model.student.head.classifier
    classifier.weight.set_value(classifier.weight / 20)  # Paddle's cross entropy cuts off logits that are 64 apart
    found = [float(term) for term in model.loss_computation(model(images), LOSSES, data)]

    teacher = build_model("pp_mobileseg_tiny", NUM_CLASSES, pretrained=teacher_file)
    teacher.eval()
    label = data["label"].numpy()

    def cross_entropy(logits):
        stretched = paddle.nn.functional.interpolate(logits, [128, 192], mode="bilinear").numpy()
        picked = np.take_along_axis(log_softmax(stretched), np.where(label == 255, 0, label)[:, None], 1)[:, 0]
        return -picked[label != 255].mean()

    reduced = mean_of_two_by_two(images)

    def feature(network, image):
        return network.head.fuse(network.neck(network.backbone(image)))

    segmentation = cross_entropy(model.student(reduced)[0])
    student_logits = paddle.nn.functional.interpolate(model.student.logits(reduced), [8, 12], mode="bilinear")
    divergence = reference_divergence(student_logits.numpy(), teacher.logits(images).numpy(), 2.0)
    lifted = model.feature_upsampling(feature(model.student, reduced), [8, 12])
    target = feature(teacher, images).numpy()
    distance = ((lifted.numpy() - target) ** 2).sum() / (target**2).sum()
    cross_model = cross_entropy(teacher.head.classifier(lifted))
    assert found[0] == pytest.approx(segmentation, rel=1e-4)
    assert found[1:] == pytest.approx([0.7 * divergence, 0.3 * distance, 0.2 * cross_model], rel=1e-4)


@pytest.fixture(scope="module")
def trained(teacher_file):
    """A model, the gradients of its first step, and the model after a second one."""
    model = without_chance(distillation(teacher_file))
    # The student's attention is at stride 64: of a smaller image it has one sample, and nothing to attend to.
    images, data = batch(256, 256)
    optimizer = paddle.optimizer.AdamW(1e-3, parameters=model.parameters())
    model.train()
    gradients = {}
    for _ in range(2):
        sum(model.loss_computation(model(images), LOSSES, data)).backward()
        gradients = gradients or {
            name: each.grad.numpy().copy() for name, each in model.named_parameters() if not each.stop_gradient
        }
        optimizer.step()
        model.clear_gradients()
    return model, gradients


def test_gradient_reaches_student_and_upsampling_and_nothing_of_the_teacher(trained):
    model, gradients = trained
    plain = [name for name, each in build_model("pp_mobileseg_tiny", NUM_CLASSES).named_parameters()
             if not each.stop_gradient]
    lifting = [f"feature_upsampling.{name}" for name in
               ("depthwise.conv.weight", "depthwise.bn.weight", "depthwise.bn.bias", "project.weight", "project.bias")]
    assert set(gradients) == {f"student.{name}" for name in plain} | set(lifting)
    idle = [name for name, gradient in gradients.items() if not np.abs(gradient).max() > 0]
    assert not idle
    assert all(each.grad is None and each.stop_gradient for each in model.teacher.network.parameters())


def test_training_leaves_weights_and_statistics_of_the_teacher_as_they_were(trained, teacher_file):
    network = trained[0].teacher.network
    assert not any(layer.training for layer in network.sublayers(include_self=True))
    before = paddle.load(teacher_file)
    after = network.state_dict()
    assert set(after) == set(before) and any(name.endswith("_mean") for name in after)
    assert all(np.array_equal(after[name].numpy(), before[name].numpy()) for name in before)


def test_each_term_alone_moves_the_student(teacher_file):
    images, data = batch()
    names = ("output_weight", "feature_weight", "cross_model_weight")
    for wanted in names:
        model = distillation(teacher_file, **{name: int(name == wanted) for name in names})
        model.train()
        terms = model.loss_computation(model(images), LOSSES, data)
        assert len(terms) == 2
        terms[1].backward()
        moved = model.student.backbone.stem.conv.weight.grad
        assert float(moved.abs().max()) > 0
        assert (model.feature_upsampling is None) == (wanted == "output_weight")
        assert all(each.grad is None for each in model.teacher.network.parameters())


def test_checkpoint_holds_no_teacher_and_loads_whole_or_not_at_all(trained, teacher_file):
    state = trained[0].state_dict()
    assert {name.split(".")[0] for name in state} == {"student", "feature_upsampling"}
    other = distillation(teacher_file)
    other.set_state_dict(state)
    loaded = other.state_dict()
    assert all(bool((value == loaded[name]).all()) for name, value in state.items())
    state.pop("student.head.classifier.bias")
    with pytest.raises(InputError, match="missing from the checkpoint: student.head.classifier.bias"):
        other.set_state_dict(state)


def test_a_copy_for_a_moving_average_shares_the_teacher(trained):
    copied = copy.deepcopy(trained[0])
    assert copied.teacher is trained[0].teacher
    assert copied.student is not trained[0].student


def steps(network, parameters, loss):
    """Three steps of AdamW, dropout and all."""
    paddle.seed(7)
    optimizer = paddle.optimizer.AdamW(1e-3, weight_decay=0.01, parameters=parameters)
    network.train()
    for _ in range(3):
        loss().backward()
        optimizer.step()
        network.clear_gradients()
    return {name: value.numpy() for name, value in network.state_dict().items()}


def test_weights_of_zero_are_plain_training_and_want_no_teacher(tmp_path):
    model = distillation(tmp_path / "missing.pdparams", output_weight=0, feature_weight=0)
    plain = randomise(build_model("pp_mobileseg_tiny", NUM_CLASSES), seed=1)
    images, data = batch()

    def plain_loss():
        reduced = paddle.nn.functional.interpolate(images, [64, 96], mode="bilinear")
        logits = paddle.nn.functional.interpolate(plain(reduced)[0], [128, 192], mode="bilinear")
        return CrossEntropyLoss()(logits, data["label"])

    found = steps(model, model.parameters(), lambda: sum(model.loss_computation(model(images), LOSSES, data)))
    expected = steps(plain, plain.parameters(), plain_loss)
    assert set(found) == {f"student.{name}" for name in expected}
    assert all(np.array_equal(found[f"student.{name}"], value) for name, value in expected.items())


def test_evaluation_gives_logits_of_the_whole_image_from_the_reduced_one(teacher_file):
    model = distillation(teacher_file)
    model.eval()
    images, _ = batch()
    small = model.student(mean_of_two_by_two(images))[0]
    expected = paddle.nn.functional.interpolate(small, [128, 192], mode="bilinear").numpy()
    found = model(images)
    assert len(found) == 1 and np.abs(found[0].numpy() - expected).max() < 1e-5 * np.abs(expected).max()
    assert model(paddle.zeros([1, 3, 101, 67]))[0].shape == [1, NUM_CLASSES, 101, 67]


def test_scale_of_the_student_decides_its_image(teacher_file):
    assert distillation(teacher_file, student_scale=0.75).reduced_size([512, 683]) == [384, 512]


def test_exported_network_is_the_student_alone_at_its_reduced_size(trained, tmp_path):
    model = trained[0]
    exported = export_model(model, tmp_path / "exported", [1, 3, 64, 96], output_op="none")
    plain = export_model(model.student, tmp_path / "plain", [1, 3, 64, 96], output_op="none")
    sizes = [(each.folder / "model.pdiparams").stat().st_size for each in (exported, plain)]
    assert sizes[0] == sizes[1]
    model.student.eval()
    image = mean_of_two_by_two(batch(count=1)[0])
    logits = model.student.logits(image).numpy()
    metadata = convert(exported.folder, tmp_path / "student.nb", target="x86").metadata
    assert metadata.input.shape == [1, 3, 64, 96] and metadata.output.label_size == [64, 96]
    with LitePredictor(tmp_path / "student.nb") as predictor:
        difference = np.abs(predictor.run(image.numpy()) - logits).max()
    assert difference < 1e-4 * np.abs(logits).max()


def test_vim_of_the_student_refuses_an_argmax_behind_it(teacher_file, tmp_path):
    student = build_model("pp_mobileseg_tiny", NUM_CLASSES, upsample=VIM())
    teacher = build_model("pp_mobileseg_tiny", NUM_CLASSES)
    model = MultiResolutionDistillation(NUM_CLASSES, student, teacher, teacher_file)
    with pytest.raises(InputError, match="VIM already gives a label map.*--opts model.student.upsample.type=Bilinear"):
        export_model(model, tmp_path, [1, 3, 64, 96], output_op="argmax")


@pytest.mark.parametrize("name", STOCK)
def test_other_networks_are_students_and_teachers_too(name, teacher_file, tmp_path):
    images, data = batch(64, 96)
    own = saved(name, tmp_path / "own.pdparams")
    for student, teacher, checkpoint in ((name, "pp_mobileseg_tiny", teacher_file), ("pp_mobileseg_tiny", name, own)):
        model = distillation(checkpoint, student, teacher, cross_model_weight=1.0)
        model.train()
        outputs = 3 if student.startswith("mobileseg") else 1
        losses = {"types": [CrossEntropyLoss()] * outputs, "coef": [1] * outputs}
        terms = model.loss_computation(model(images), losses, data)
        assert len(terms) == outputs + 3 and all(np.isfinite(float(term)) for term in terms)
        sum(terms).backward()
        first = next(iter(model.student.parameters()))
        assert float(first.grad.abs().max()) > 0
        assert all(each.grad is None for each in model.teacher.network.parameters())


def test_networks_that_do_not_fit_are_refused(teacher_file, tmp_path):
    class UNet(paddle.nn.Layer):
        pass

    network = build_model("pp_mobileseg_tiny", NUM_CLASSES)
    with pytest.raises(InputError, match="not those of UNet"):
        MultiResolutionDistillation(NUM_CLASSES, UNet(), network, teacher_file)
    with pytest.raises(InputError, match="the teacher has 7 classes and not 4"):
        MultiResolutionDistillation(NUM_CLASSES, network, build_model("pp_mobileseg_tiny", 7), teacher_file)
    other = distillation(saved("seaformer_tiny", tmp_path / "other.pdparams"))
    other.train()
    with pytest.raises(InputError, match="does not fit MobileSegmentor"):
        other(batch()[0])


@pytest.mark.parametrize(
    "option", [{"student_scale": 0}, {"student_scale": 2}, {"output_weight": -1}, {"feature_weight": -1},
               {"cross_model_weight": -1}, {"temperature": 0}], ids=str
)
def test_numbers_out_of_range_are_refused(option):
    network = build_model("pp_mobileseg_tiny", NUM_CLASSES)
    with pytest.raises(InputError, match=f"{next(iter(option))} is a number"):
        MultiResolutionDistillation(NUM_CLASSES, network, network, "teacher.pdparams", **option)


@pytest.fixture(scope="module")
def work(tmp_path_factory, teacher_file):
    """A folder with data and a config of distillation, and what a short training made of them."""
    folder = tmp_path_factory.mktemp("work")
    content = config(write_data(folder))
    model = {
        "type": "MultiResolutionDistillation",
        "num_classes": NUM_CLASSES,
        "student": content["model"],
        "teacher": content["model"],
        "teacher_checkpoint": teacher_file,
    }
    path = write_config(folder / "config.yml", changed(content, model=model))
    command = ["train", "--config", path, "--device", "cpu", "--save_dir", str(folder / "out"), "--use_ema"]
    assert main([*command, "--iters", "2", "--do_eval", "--log_iters", "1", "--save_interval", "1"]) == 0
    return folder


def arguments(work, *more):
    return ["--config", str(work / "config.yml"), *more]


def test_checkpoint_of_a_training_is_evaluated_and_exported(work, capsys):
    checkpoint = work / "out" / "best_model" / "model.pdparams"
    assert not [name for name in paddle.load(str(checkpoint)) if "teacher" in name]
    assert (work / "out" / "iter_2" / "ema_model.pdparams").is_file()
    # Only training reads the teacher's weights.
    without = ["--opts", "model.teacher_checkpoint=missing.pdparams"]
    command = ["val", *arguments(work, "--model_path", str(checkpoint), "--device", "cpu", "--json"), *without]
    assert main(command) == 0
    assert 0 <= json.loads(capsys.readouterr().out)["miou"] <= 1
    command = ["export", *arguments(work, "--model_path", str(checkpoint), "--save_dir", str(work / "exported"))]
    assert main([*command, "--input_shape", "1", "3", "32", "48", "--json", *without]) == 0
    assert json.loads(capsys.readouterr().out)["agreement"]["pixel_agreement"] == 1


def test_training_resumes_from_its_checkpoint(work, tmp_path):
    """In processes of their own: Paddle counts its layers, and the optimizer's state goes by these names."""
    command = ["train", *arguments(work, "--device", "cpu", "--log_iters", "1", "--save_dir", tmp_path)]
    assert run(*command, "--iters", 1).returncode == 0
    done = run(*command, "--iters", 2, "--resume_model", tmp_path / "iter_1")
    assert done.returncode == 0 and "iter: 2/2" in done.stderr and "iter: 1/" not in done.stderr


def test_missing_teacher_is_said_at_once(work, tmp_path, capsys):
    command = ["train", *arguments(work, "--device", "cpu", "--save_dir", str(tmp_path))]
    assert main([*command, "--opts", "model.teacher_checkpoint=missing.pdparams"]) == 2
    assert last_line(capsys.readouterr().err).startswith("error: there is no checkpoint missing.pdparams")


def test_stock_loading_of_a_checkpoint_takes_it_whole_or_not_at_all(work, teacher_file):
    from paddleseg.utils import utils

    model = distillation(teacher_file)
    path = Path(work / "out" / "best_model" / "model.pdparams")
    utils.load_entire_model(model, str(path))
    expected = paddle.load(str(path))
    assert all(np.array_equal(value.numpy(), expected[name].numpy()) for name, value in model.state_dict().items())
    with pytest.raises(InputError, match="does not fit MultiResolutionDistillation"):
        utils.load_entire_model(model, teacher_file)
