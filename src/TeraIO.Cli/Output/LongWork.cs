using Spectre.Console;

namespace TeraIO.Cli.Output;

/// <summary>Work that may take long: shows how far it is, on the error writer and only when that is a terminal.</summary>
internal static class LongWork
{
    /// <summary>Runs the work; it is told from 0 to 1 through its argument.</summary>
    public static T Run<T>(CommandConsole console, bool quiet, string what, Func<IProgress<double>?, T> work)
    {
        if (quiet || !console.ErrorIsTerminal) return work(null);
        T result = default!;
        console.ForProgress().Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(what));
                result = work(new Direct(task));
            });
        return result;
    }

    /// <summary>Unlike <see cref="Progress{T}"/>, in order and at once.</summary>
    private sealed class Direct(ProgressTask task) : IProgress<double>
    {
        public void Report(double value) => task.Value = Math.Clamp(value, 0, 1) * task.MaxValue;
    }
}
