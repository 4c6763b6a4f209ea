namespace TeraIO.Planner.Reports;

/// <summary>Where a living tensor's bytes are.</summary>
public enum TensorState
{
    /// <summary>In memory.</summary>
    Resident,

    /// <summary>On their way out.</summary>
    Leaving,

    /// <summary>Not in memory.</summary>
    Away,

    /// <summary>On their way back.</summary>
    Returning,
}
