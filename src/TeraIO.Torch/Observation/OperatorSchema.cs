using TeraIO.Torch.Interop;

namespace TeraIO.Torch.Observation;

/// <summary>
/// What an operator's schema text says about its arguments, e.g. <c>aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)</c>:
/// which are written (<c>!</c>), whether it only makes views (results alias an argument, nothing is written), and whether some result is no tensor.
/// Immutable.
/// </summary>
internal sealed record OperatorSchema(string Name, ulong WrittenArguments, OpTraitFlags Flags)
{
    /// <summary>Arguments from this one on share its bit in <see cref="WrittenArguments"/>.</summary>
    private const int LastBit = 63;

    // How autograd names the range in which it runs a node of the backward pass.
    private const string BackwardNode = "autograd::engine::evaluate_function";

    // Ops that read shapes and types of their inputs only, though their schema does not show it.
    private static readonly HashSet<string> _metadataOnly =
    [
        "aten::_unsafe_view", "aten::empty_like", "aten::zeros_like", "aten::ones_like", "aten::full_like", "aten::rand_like",
        "aten::randn_like", "aten::new_empty", "aten::new_empty_strided", "aten::new_zeros", "aten::new_ones", "aten::new_full",
        "aten::is_same_size", "aten::size", "aten::stride", "aten::numel", "aten::dim", "aten::_fused_sdp_choice", "aten::is_pinned",
    ];

    // Composites: everything they do to bytes is done by the ops they dispatch (CompositeImplicitAutograd in native_functions.yaml). Seen as
    // one op they would hold the inputs of each of their parts until the last part ends.
    private static readonly HashSet<string> _composite =
    [
        "aten::linear", "aten::matmul", "aten::cross_entropy_loss", "aten::nll_loss_nd", "aten::nll_loss", "aten::log_softmax",
        "aten::softmax", "aten::layer_norm", "aten::scaled_dot_product_attention", "aten::dropout", "aten::reshape", "aten::contiguous",
        "aten::to", "aten::flatten",
    ];

    // Batch norm writes its running statistics without saying so in its schema.
    private static readonly HashSet<string> _writtenByName = ["running_mean", "running_var"];

    /// <summary>Parses a schema; a bare name (an autograd node, a user's range) is transparent: it works through ops of its own.</summary>
    public static OperatorSchema Parse(string text)
    {
        int open = text.IndexOf('(', StringComparison.Ordinal);
        int arrow = text.LastIndexOf("->", StringComparison.Ordinal);
        if (!text.Contains("::", StringComparison.Ordinal) || open < 0 || arrow < open)
        {
            OpTraitFlags range = text.StartsWith(BackwardNode, StringComparison.Ordinal) ? OpTraitFlags.BackwardNode : OpTraitFlags.None;
            return new OperatorSchema(text, 0, OpTraitFlags.Transparent | range);
        }

        string name = text[..open];
        int close = text.LastIndexOf(')', arrow);
        ulong written = 0;
        bool aliases = false;
        int index = 0;
        foreach (string argument in SplitTopLevel(text[(open + 1)..close]))
        {
            if (argument == "*") continue;
            string? annotation = AliasAnnotation(argument);
            if (annotation is not null) aliases = true;
            if (annotation?.Contains('!', StringComparison.Ordinal) == true || _writtenByName.Contains(ArgumentName(argument)))
            {
                written |= 1UL << Math.Min(index, LastBit);
            }

            index++;
        }

        return new OperatorSchema(name, written, Classify(BaseName(name), text[(arrow + 2)..], written, aliases));
    }

    private static OpTraitFlags Classify(string baseName, string returns, ulong written, bool aliases)
    {
        if (_composite.Contains(baseName)) return OpTraitFlags.Transparent;
        bool makesView = aliases && written == 0 && AliasAnnotation(returns) is not null;
        if (makesView || _metadataOnly.Contains(baseName)) return OpTraitFlags.MetadataOnly;
        return ReturnsValues(returns) ? OpTraitFlags.ReturnsValues : OpTraitFlags.None;
    }

    /// <summary>Some result is neither a tensor nor a list of them, nor a size, which symbolic integers are. An op without results returns nothing.</summary>
    private static bool ReturnsValues(string returns)
    {
        string all = returns.Trim();
        if (all.StartsWith('(') && all.EndsWith(')')) all = all[1..^1];
        foreach (string result in SplitTopLevel(all))
        {
            if (result.Length > 0 && !result.StartsWith("Tensor", StringComparison.Ordinal) && !result.StartsWith("SymInt", StringComparison.Ordinal)) return true;
        }

        return false;
    }

    private static string BaseName(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? name : name[..dot];
    }

    /// <summary>The text inside the parentheses of <c>Tensor(a!)</c>; null when the type carries none.</summary>
    private static string? AliasAnnotation(string argument)
    {
        const string Marker = "Tensor(";
        int start = argument.IndexOf(Marker, StringComparison.Ordinal);
        if (start < 0) return null;
        start += Marker.Length;
        int end = argument.IndexOf(')', start);
        return end < 0 ? null : argument[start..end];
    }

    private static string ArgumentName(string argument)
    {
        int equals = argument.IndexOf('=', StringComparison.Ordinal);
        ReadOnlySpan<char> declaration = equals < 0 ? argument : argument.AsSpan(0, equals);
        int space = declaration.LastIndexOf(' ');
        return space < 0 ? "" : declaration[(space + 1)..].ToString();
    }

    private static IEnumerable<string> SplitTopLevel(string arguments)
    {
        int depth = 0;
        bool quoted = false;
        int start = 0;
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case '"' or '\'':
                    quoted = !quoted;
                    break;
                case '(' or '[' when !quoted:
                    depth++;
                    break;
                case ')' or ']' when !quoted:
                    depth--;
                    break;
                case ',' when !quoted && depth == 0:
                    yield return arguments[start..i].Trim();
                    start = i + 1;
                    break;
            }
        }

        if (start < arguments.Length) yield return arguments[start..].Trim();
    }
}
