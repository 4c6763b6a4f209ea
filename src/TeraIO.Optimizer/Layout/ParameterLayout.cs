using TeraIO.Core;

namespace TeraIO.Optimizer.Layout;

/// <summary>
/// Cuts the elements of all tensors, laid end to end, into subgroups of equal size (the last may be shorter). Tensors are cut where a subgroup ends: the
/// update works element by element, so no boundary matters. Immutable.
/// </summary>
public sealed class ParameterLayout
{
    /// <param name="tensorElements">Elements of each tensor, in order; 0 is allowed.</param>
    /// <param name="subgroupElements">Elements of a subgroup.</param>
    /// <exception cref="ConfigurationException">There is no element, or the size is not positive.</exception>
    public ParameterLayout(IReadOnlyList<long> tensorElements, long subgroupElements)
    {
        ArgumentNullException.ThrowIfNull(tensorElements);
        if (subgroupElements < 1) throw new ConfigurationException($"A subgroup of {subgroupElements} elements: use at least 1.");
        if (tensorElements.Any(static n => n < 0)) throw new ConfigurationException("A tensor has a negative number of elements.");
        Elements = tensorElements.Aggregate(0L, static (sum, n) => checked(sum + n));
        if (Elements == 0) throw new ConfigurationException("There are no parameters to optimise: give tensors with at least one element.");
        Tensors = [.. tensorElements];
        SubgroupElements = Math.Min(subgroupElements, Elements);
        Subgroups = Cut(Tensors, SubgroupElements);
    }

    /// <summary>Elements of each tensor.</summary>
    public IReadOnlyList<long> Tensors { get; }

    /// <summary>Elements of all tensors together.</summary>
    public long Elements { get; }

    /// <summary>Elements of every subgroup but perhaps the last.</summary>
    public long SubgroupElements { get; }

    /// <summary>In ascending order; at least one.</summary>
    public IReadOnlyList<Subgroup> Subgroups { get; }

    private static List<Subgroup> Cut(IReadOnlyList<long> tensors, long size)
    {
        var subgroups = new List<Subgroup>();
        var pieces = new List<TensorPiece>();
        long filled = 0;
        for (int tensor = 0; tensor < tensors.Count; tensor++)
        {
            for (long offset = 0; offset < tensors[tensor];)
            {
                long taken = Math.Min(tensors[tensor] - offset, size - filled);
                pieces.Add(new TensorPiece(tensor, offset, filled, taken));
                offset += taken;
                filled += taken;
                if (filled == size) Close();
            }
        }

        if (filled > 0) Close();
        return subgroups;

        void Close()
        {
            subgroups.Add(new Subgroup(subgroups.Count, filled, [.. pieces]));
            pieces.Clear();
            filled = 0;
        }
    }
}
