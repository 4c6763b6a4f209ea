namespace TeraIO.Core.Storage;

/// <summary>Asked of a write: whether the copy turned out to have the bytes already, so that nothing was written.</summary>
internal sealed class UnchangedCheck
{
    /// <summary>Known when the write's task has ended well.</summary>
    public bool FoundSame { get; set; }
}
