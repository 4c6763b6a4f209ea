using System.Collections.Frozen;

namespace TeraIO.Planner.Import;

/// <summary>
/// Durations from operators' shapes: the longer of floating-point work over FLOP/s and bytes over bytes/s (Williams, Waterman and Patterson 2009).
/// Matrix products, convolutions and attention count their multiply-adds; everything else one operation per byte moved at most, which memory bounds.
/// </summary>
internal static class Roofline
{
    private enum Work
    {
        /// <summary>[.., m, k] x [.., k, n].</summary>
        Product,

        /// <summary>A bias, then a product.</summary>
        BiasAndProduct,

        /// <summary>Output elements times the kernel's elements per output channel.</summary>
        Convolution,

        /// <summary>Gradient, input, weight: the products of two convolutions.</summary>
        ConvolutionBackward,

        /// <summary>Query, key, value.</summary>
        Attention,

        /// <summary>Gradient, query, key: five products where forward has two.</summary>
        AttentionBackward,
    }

    private static readonly FrozenDictionary<string, Work> _works = new Dictionary<string, Work>
    {
        ["aten::mm"] = Work.Product,
        ["aten::bmm"] = Work.Product,
        ["aten::mv"] = Work.Product,
        ["aten::_int_mm"] = Work.Product,
        ["aten::_scaled_mm"] = Work.Product,
        ["aten::addmm"] = Work.BiasAndProduct,
        ["aten::baddbmm"] = Work.BiasAndProduct,
        ["aten::addmv"] = Work.BiasAndProduct,
        ["aten::_addmm_activation"] = Work.BiasAndProduct,
        ["aten::cudnn_convolution"] = Work.Convolution,
        ["aten::miopen_convolution"] = Work.Convolution,
        ["aten::mkldnn_convolution"] = Work.Convolution,
        ["aten::thnn_conv2d"] = Work.Convolution,
        ["aten::_slow_conv2d_forward"] = Work.Convolution,
        ["aten::_conv_depthwise2d"] = Work.Convolution,
        ["aten::convolution_overrideable"] = Work.Convolution,
        ["aten::convolution_backward"] = Work.ConvolutionBackward,
        ["aten::_scaled_dot_product_flash_attention"] = Work.Attention,
        ["aten::_scaled_dot_product_efficient_attention"] = Work.Attention,
        ["aten::_scaled_dot_product_cudnn_attention"] = Work.Attention,
        ["aten::_scaled_dot_product_flash_attention_for_cpu"] = Work.Attention,
        ["aten::_flash_attention_forward"] = Work.Attention,
        ["aten::_efficient_attention_forward"] = Work.Attention,
        ["aten::_scaled_dot_product_flash_attention_backward"] = Work.AttentionBackward,
        ["aten::_scaled_dot_product_efficient_attention_backward"] = Work.AttentionBackward,
        ["aten::_scaled_dot_product_cudnn_attention_backward"] = Work.AttentionBackward,
        ["aten::_flash_attention_backward"] = Work.AttentionBackward,
        ["aten::_efficient_attention_backward"] = Work.AttentionBackward,
    }.ToFrozenDictionary();

    /// <summary>Whether the work of an operator depends on the shapes of its inputs; such an operator runs its own kernel, whatever it calls.</summary>
    public static bool NeedsShapes(string name) => _works.ContainsKey(name);

    /// <summary>Floating-point operations.</summary>
    /// <param name="name">Such as <c>aten::addmm</c>.</param>
    /// <param name="shapes">Of its first inputs.</param>
    /// <param name="outputElements">Of its first output.</param>
    public static double Flops(string name, long[][]? shapes, double outputElements)
    {
        if (shapes is null || !_works.TryGetValue(name, out Work work)) return 0;
        long[] first = shapes.Length > 0 ? shapes[0] : [];
        long[] second = shapes.Length > 1 ? shapes[1] : [];
        long[] third = shapes.Length > 2 ? shapes[2] : [];
        return work switch
        {
            Work.Product => Product(first, second),
            Work.BiasAndProduct => Product(second, third),
            Work.Convolution => 2 * outputElements * Elements(second, 1),
            Work.ConvolutionBackward => 4 * Elements(first, 0) * Elements(third, 1),
            Work.Attention => Attention(first, second),
            _ => 2.5 * Attention(second, third),
        };
    }

    /// <summary>Seconds of an op under the options' roofline.</summary>
    public static double Seconds(double flops, double bytes, ImportOptions options) =>
        Math.Max(options.SecondsPerOp, Math.Max(flops / options.FlopsPerSecond, bytes / options.BytesPerSecond));

    private static double Product(long[] left, long[] right) => left.Length == 0 || right.Length == 0 ? 0 : 2 * Elements(left, 0) * (right.Length == 1 ? 1 : right[^1]);

    /// <summary>Query [.., s, d] and key [.., t, d]: two products of 2 s t d each.</summary>
    private static double Attention(long[] query, long[] key) => query.Length < 2 || key.Length < 2 ? 0 : 4 * Elements(query, 0) * key[^2];

    private static double Elements(long[] shape, int from)
    {
        double product = 1;
        for (int i = from; i < shape.Length; i++) product *= shape[i];
        return product;
    }
}
