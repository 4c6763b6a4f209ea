using System.Globalization;
using Spectre.Console;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Output;

/// <summary>The longest waits.</summary>
internal static class StallTable
{
    private const int NameWidth = 26;

    public static Rows Of(Trace trace, StallBreakdown stalls)
    {
        Table table = Tables.New("op", "<name", "waited", "<cause", "<tensor");
        foreach (StalledOp stall in stalls.Longest)
        {
            string tensor = stall.WaitedFor is { } waited ? Tables.Short(Figures.Name(trace.Tensors[waited], waited), NameWidth) : "-";
            Tables.Row(table, stall.Op.ToString(CultureInfo.InvariantCulture), Tables.Short(stall.Name, NameWidth), Figures.Seconds(stall.Seconds), Figures.Cause(stall.Cause), tensor);
        }

        return Tables.Titled("Longest stalls", table);
    }
}
