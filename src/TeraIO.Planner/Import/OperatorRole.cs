using System.Collections.Frozen;

namespace TeraIO.Planner.Import;

/// <summary>What an operator of an execution trace is for the choice of the level at which ops are recorded.</summary>
internal enum OperatorRole
{
    /// <summary>Not an operator: a thread, an annotation, an autograd function.</summary>
    Mark,

    /// <summary>Touches no bytes: views, queries of types and sizes.</summary>
    View,

    /// <summary>Allocates and leaves the bytes as they are.</summary>
    Allocation,

    /// <summary>Fills what was allocated: within another operator it prepares that one's output.</summary>
    Fill,

    /// <summary>Runs a kernel of its own when it calls no other kernel; else it only calls others.</summary>
    Kernel,

    /// <summary>Runs a kernel of its own whatever it calls.</summary>
    OwnKernel,
}

/// <summary>Tells <see cref="OperatorRole"/> from name and schema.</summary>
internal static class OperatorRoles
{
    private static readonly FrozenSet<string> _views = FrozenSet.ToFrozenSet(
    [
        "aten::result_type", "aten::item", "aten::_local_scalar_dense", "aten::is_pinned", "aten::is_same_size", "aten::lift_fresh", "aten::_unsafe_view", "aten::to",
        "aten::detach_", "aten::set_", "aten::resize_", "aten::resize_as_", "aten::as_strided_", "aten::squeeze_", "aten::unsqueeze_", "aten::transpose_", "aten::t_",
        "aten::is_nonzero", "aten::can_cast", "aten::promote_types", "aten::record_stream", "aten::is_floating_point", "aten::size", "aten::stride", "aten::numel", "aten::dim",
    ]);

    private static readonly FrozenSet<string> _allocations = FrozenSet.ToFrozenSet(
        ["aten::empty", "aten::empty_strided", "aten::empty_like", "aten::new_empty", "aten::new_empty_strided", "aten::empty_quantized", "aten::_empty_affine_quantized"]);

    private static readonly FrozenSet<string> _fills = FrozenSet.ToFrozenSet(
    [
        "aten::zero_", "aten::fill_", "aten::zeros", "aten::zeros_like", "aten::new_zeros", "aten::ones", "aten::ones_like", "aten::new_ones", "aten::full", "aten::full_like", "aten::new_full",
        "aten::scalar_tensor",
    ]);

    /// <summary>The role of a node.</summary>
    public static OperatorRole Of(in EtNode node)
    {
        if (node.IsTriton || Roofline.NeedsShapes(node.Name)) return OperatorRole.OwnKernel;
        if (node.Schema.Length == 0) return OperatorRole.Mark;
        // A collective moves bytes itself, besides the copies that it may call.
        if (node.Name.StartsWith("c10d::", StringComparison.Ordinal)) return OperatorRole.OwnKernel;
        if (_allocations.Contains(node.Name)) return OperatorRole.Allocation;
        if (_fills.Contains(node.Name)) return OperatorRole.Fill;
        if (_views.Contains(node.Name) || ReturnsAlias(node.Schema)) return OperatorRole.View;
        return OperatorRole.Kernel;
    }

    /// <summary>Whether the schema's first result shares memory with an argument without writing it: <c>-> Tensor(a)</c>.</summary>
    public static bool ReturnsAlias(string schema)
    {
        int arrow = schema.LastIndexOf("->", StringComparison.Ordinal);
        if (arrow < 0) return false;
        ReadOnlySpan<char> result = schema.AsSpan(arrow + 2);
        int open = result.IndexOf("Tensor(");
        if (open < 0) return false;
        ReadOnlySpan<char> alias = result[(open + 7)..];
        int close = alias.IndexOf(')');
        return close >= 0 && !alias[..close].Contains('!');
    }

    /// <summary>
    /// Which arguments the operator writes, as bits by place (the first 64): those whose annotation has a <c>!</c>, such as <c>Tensor(a!) self</c>.
    /// An operator whose name ends in an underscore and whose schema annotates nothing (collectives) writes all of them.
    /// </summary>
    public static ulong WrittenArguments(in EtNode node)
    {
        string schema = node.Schema;
        int open = schema.IndexOf('(');
        ulong written = 0;
        int depth = 0;
        int place = 0;
        for (int i = open; i >= 0 && i < schema.Length; i++)
        {
            char c = schema[i];
            if (c is '(' or '[') depth++;
            else if (c is ')' or ']') depth--;
            if (depth == 0) break;
            // "*, " separates keyword arguments and is no argument itself.
            if (c == ',' && depth == 1) place++;
            else if (c == '*' && depth == 1 && i + 1 < schema.Length && schema[i + 1] is ',' or ')') place--;
            else if (c == '!' && place is >= 0 and < 64) written |= 1UL << place;
        }

        return written == 0 && node.Name.EndsWith('_') ? ulong.MaxValue : written;
    }
}
