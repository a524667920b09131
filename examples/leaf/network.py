"""The leaf classifier in numpy: four strided convolutions, mean, linear, softmax.

Forward, backward and Adam, enough to train the ONNX file further and to compute golden outputs
without an inference engine. Arrays are float32; pictures are [N, 3, 64, 64], RGB in 0..1.
"""
import numpy as np
import onnx
from onnx import numpy_helper

STRIDE = 2
PADDING = 1
KERNEL = 3


class Network:
    """Weights of a leaf_cnn ONNX file; `names` keeps which initializer each came from."""

    def __init__(self, model: onnx.ModelProto):
        tensors = {i.name: numpy_helper.to_array(i).astype(np.float32) for i in model.graph.initializer}
        constants = {n.output[0]: numpy_helper.to_array(n.attribute[0].t)
                     for n in model.graph.node if n.op_type == "Constant"}
        self.names = []
        self.weights = []
        for node in model.graph.node:
            if node.op_type in ("Conv", "Gemm"):
                self.names += node.input[1:3]
                self.weights += [tensors[name].copy() for name in node.input[1:3]]
        nodes = {n.op_type: n for n in model.graph.node}
        self.mean = constants[nodes["Sub"].input[1]].astype(np.float32)
        self.scale = constants[nodes["Div"].input[1]].astype(np.float32)

    def forward(self, pictures: np.ndarray, keep: list | None = None) -> np.ndarray:
        """Class probabilities [N, 4]; `keep` collects what backward() needs."""
        value = (pictures - self.mean) / self.scale
        for layer in range(0, len(self.weights) - 2, 2):
            columns = _columns(value)
            weight, bias = self.weights[layer], self.weights[layer + 1]
            out = np.tensordot(columns, weight, axes=((1, 2, 3), (1, 2, 3))).transpose(0, 3, 1, 2)
            out = np.maximum(out + bias[None, :, None, None], 0)
            if keep is not None:
                keep.append((value.shape, columns, out))
            value = out
        pooled = value.mean(axis=(2, 3))
        logits = pooled @ self.weights[-2].T + self.weights[-1]
        if keep is not None:
            keep.append(pooled)
        logits -= logits.max(axis=1, keepdims=True)
        exponent = np.exp(logits)
        return exponent / exponent.sum(axis=1, keepdims=True)

    def gradients(self, pictures: np.ndarray, labels: np.ndarray):
        """Gradients of the mean cross-entropy, in the order of `weights`, and the loss."""
        keep: list = []
        probabilities = self.forward(pictures, keep)
        count = len(labels)
        loss = -np.log(probabilities[np.arange(count), labels] + 1e-9).mean()
        delta = probabilities.copy()
        delta[np.arange(count), labels] -= 1
        delta /= count
        pooled = keep.pop()
        result = [delta.sum(axis=0), delta.T @ pooled]
        height, width = keep[-1][2].shape[2:]
        back = (delta @ self.weights[-2])[:, :, None, None] / (height * width)
        back = np.broadcast_to(back, keep[-1][2].shape)
        for layer in range(len(self.weights) - 4, -1, -2):
            shape, columns, out = keep.pop()
            back = back * (out > 0)
            result.append(back.sum(axis=(0, 2, 3)))
            result.append(np.tensordot(back, columns, axes=((0, 2, 3), (0, 4, 5))))
            if layer > 0:
                spread = np.tensordot(back, self.weights[layer], axes=((1,), (0,)))
                back = _uncolumns(spread.transpose(0, 3, 4, 5, 1, 2), shape)
        return result[::-1], loss

    def store(self, model: onnx.ModelProto) -> None:
        """Writes the weights back into the initializers they came from."""
        position = {i.name: i for i in model.graph.initializer}
        for name, weight in zip(self.names, self.weights):
            position[name].CopyFrom(numpy_helper.from_array(weight.astype(np.float32), name))


def _columns(value: np.ndarray) -> np.ndarray:
    """[N, C, H, W] -> [N, C, K, K, H/2, W/2]: what each output pixel sees."""
    padded = np.pad(value, ((0, 0), (0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    height, width = value.shape[2] // STRIDE, value.shape[3] // STRIDE
    out = np.empty((*value.shape[:2], KERNEL, KERNEL, height, width), dtype=np.float32)
    for y in range(KERNEL):
        for x in range(KERNEL):
            out[:, :, y, x] = padded[:, :, y:y + STRIDE * height:STRIDE, x:x + STRIDE * width:STRIDE]
    return out


def _uncolumns(columns: np.ndarray, shape) -> np.ndarray:
    """The transpose of _columns: adds every view back to its place."""
    padded = np.zeros((shape[0], shape[1], shape[2] + 2 * PADDING, shape[3] + 2 * PADDING), dtype=np.float32)
    height, width = columns.shape[4:]
    for y in range(KERNEL):
        for x in range(KERNEL):
            padded[:, :, y:y + STRIDE * height:STRIDE, x:x + STRIDE * width:STRIDE] += columns[:, :, y, x]
    return padded[:, :, PADDING:-PADDING, PADDING:-PADDING]


class Adam:
    """Kingma and Ba, 2015."""

    def __init__(self, weights, rate: float):
        self.rate = rate
        self.step = 0
        self.first = [np.zeros_like(w) for w in weights]
        self.second = [np.zeros_like(w) for w in weights]

    def update(self, weights, gradients) -> None:
        self.step += 1
        for weight, gradient, first, second in zip(weights, gradients, self.first, self.second):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient * gradient - second)
            mean = first / (1 - 0.9 ** self.step)
            spread = second / (1 - 0.999 ** self.step)
            weight -= (self.rate * mean / (np.sqrt(spread) + 1e-8)).astype(np.float32)


def train(network: Network, pictures, labels, epochs: int, rate: float, seed: int, batch: int = 32):
    """Trains in place; yields (epoch, mean loss)."""
    rng = np.random.default_rng(seed)
    adam = Adam(network.weights, rate)
    for epoch in range(epochs):
        order = rng.permutation(len(labels))
        losses = []
        for start in range(0, len(order), batch):
            chosen = order[start:start + batch]
            gradients, loss = network.gradients(pictures[chosen], labels[chosen])
            adam.update(network.weights, gradients)
            losses.append(loss)
        yield epoch, float(np.mean(losses))


def accuracy(network: Network, pictures, labels) -> float:
    return float((network.forward(pictures).argmax(axis=1) == labels).mean())
