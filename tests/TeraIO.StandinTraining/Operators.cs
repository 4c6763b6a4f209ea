using static TorchSharp.torch;

namespace TeraIO.StandinTraining;

/// <summary>Ops of many kinds, beyond those that a transformer uses: made, in place, with an out tensor, views, lists, random, reduced.</summary>
internal static class Operators
{
    /// <summary>Prints the name of each and the bits of what it gives.</summary>
    public static void Print(Device device)
    {
        foreach ((string name, Func<Tensor, Tensor> op) in All())
        {
            using var scope = NewDisposeScope();
            random.manual_seed(11);
            Tensor x = arange(60, dtype: ScalarType.Float32).sin().view(3, 4, 5).to(device);
            Tensor result = op(x);
            if (result.device_type != device.type) throw new InvalidOperationException($"{name} gave a tensor on {result.device}");
            Console.WriteLine($"{name} {string.Join('x', result.shape)} {string.Join(',', result.stride())} {Bits(result)} {Bits(x)}");
        }
    }

    private static IEnumerable<(string Name, Func<Tensor, Tensor> Op)> All()
    {
        yield return ("add scalar", x => x + 2.5);
        yield return ("add tensor of the CPU", x => x + tensor(2.5f));
        yield return ("add in place", x => x.add_(x));
        yield return ("mul into a view", x => x[1].mul_(3));
        yield return ("transposed copy", x => x.transpose(0, 2).contiguous());
        yield return ("permuted sum", x => (x.permute(2, 0, 1) + 1).sum(1));
        yield return ("mean", x => x.mean());
        yield return ("variance", x => x.var(1));
        yield return ("max with indices", x => x.max(1).values + x.max(1).indexes);
        yield return ("argmax", x => x.argmax(2));
        yield return ("top three", x => x.topk(3, 2).values);
        yield return ("sort", x => x.sort(1).Values);
        yield return ("cumulative sum", x => x.cumsum(1));
        yield return ("cat", x => cat([x, x * 2, x[TensorIndex.Ellipsis, ..2].repeat(1, 1, 2)], 2));
        yield return ("stack", x => stack([x, -x], 1));
        yield return ("split", x => x.split([2, 3], 2)[1]);
        yield return ("unfold", x => x.unfold(1, 2, 1));
        yield return ("as strided", x => x.as_strided([4, 4], [2, 3], 1));
        yield return ("where", x => where(x > 0, x, zeros_like(x)));
        yield return ("masked fill", x => x.masked_fill(x.less(0), 9));
        yield return ("masked select", x => x.masked_select(x > 0.2));
        yield return ("nonzero", x => x.greater(0.5).nonzero());
        yield return ("index by tensor", x => x[tensor(new long[] { 2, 0 }).to(x.device)]);
        yield return ("index put", x => x.index_put_(tensor(7f).to(x.device), [tensor(new long[] { 1 }).to(x.device)]));
        yield return ("gather", x => x.gather(1, zeros(3, 2, 5, ScalarType.Int64, x.device)));
        yield return ("scatter add", x => x.scatter_add(1, ones(3, 4, 5, ScalarType.Int64, x.device), x));
        yield return ("one hot", x => nn.functional.one_hot(arange(4, ScalarType.Int64, x.device), 6));
        yield return ("matmul", x => x.matmul(x.transpose(1, 2)));
        yield return ("einsum", x => einsum("bij,bkj->bik", x, x));
        yield return ("triangle", x => ones(4, 4, device: x.device).tril(-1));
        yield return ("eye", x => eye(3, device: x.device));
        yield return ("linspace", x => linspace(0, 1, 7, device: x.device));
        yield return ("full", x => full([2, 2], 3.25f, device: x.device));
        yield return ("normal numbers", x => randn(3, 3, device: x.device));
        yield return ("uniform numbers", x => rand(3, 3, device: x.device));
        yield return ("integers", x => randint(10, [5], device: x.device));
        yield return ("permutation", x => randperm(9, device: x.device));
        yield return ("multinomial", x => x[0].abs().multinomial(3, true));
        yield return ("dropout", x => nn.functional.dropout(x, 0.3, true));
        yield return ("softmax", x => x.softmax(1));
        yield return ("silu", x => nn.functional.silu(x));
        yield return ("layer norm", x => nn.functional.layer_norm(x, [5], eps: 1e-5));
        yield return ("batch norm", x => nn.functional.batch_norm(x, zeros(4, device: x.device), ones(4, device: x.device), training: true));
        yield return ("half precision", x => x.to(ScalarType.BFloat16).mul(3).to(ScalarType.Float32));
        yield return ("to integers", x => (x * 100).to(ScalarType.Int32));
        yield return ("broadcast copy", x => zeros(3, 4, 5, device: x.device).copy_(x[0, 0]));
        yield return ("norm", x => x.norm());
        yield return ("clamp", x => x.clamp(-0.5, 0.5));
        yield return ("gradient through many", Gradient);
    }

    private static Tensor Gradient(Tensor x)
    {
        Tensor leaf = x.detach().clone().requires_grad_();
        ((leaf * leaf).tanh().cumsum(1).pow(2) + leaf.logsumexp(2, true) + nn.functional.dropout(leaf, 0.2, true)).mean().backward();
        return leaf.grad!;
    }

    private static string Bits(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        ulong hash = 14695981039346656037;
        foreach (byte value in tensor.detach().cpu().contiguous().bytes)
            hash = (hash ^ value) * 1099511628211;
        return hash.ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
    }
}
