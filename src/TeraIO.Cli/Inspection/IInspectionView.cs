namespace TeraIO.Cli.Inspection;

/// <summary>Something that <c>teraio inspect</c> shows: as JSON by its properties, or printed.</summary>
internal interface IInspectionView
{
    void Print(CommandConsole console);
}
