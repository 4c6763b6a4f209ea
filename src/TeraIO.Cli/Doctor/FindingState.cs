namespace TeraIO.Cli.Doctor;

/// <summary>How one thing about the machine stands.</summary>
internal enum FindingState
{
    /// <summary>As it should be.</summary>
    Green,

    /// <summary>Works, but slower or with a limit; the remedy says how to lift it.</summary>
    Yellow,

    /// <summary>Does not work although the machine has what it concerns.</summary>
    Red,

    /// <summary>The machine lacks what it concerns, or it cannot be told here.</summary>
    NotApplicable,
}
