namespace TeraIO.Optimizer.Layout;

/// <summary>In which order the subgroups of one step are updated.</summary>
public enum UpdateOrder
{
    /// <summary>0, 1, 2, ... in every step. What stayed in memory from a step's end is what the next step needs last.</summary>
    Ascending,

    /// <summary>
    /// Ascending in one step, descending in the next (MLP-Offload, SC'25): the last subgroups of a step are the first of the next and need not be
    /// written and read in between.
    /// </summary>
    Alternating,
}
