using System.Diagnostics;
using System.Globalization;

namespace TeraIO.Core.Transfers;

/// <summary>
/// The threads of this process that do nothing but move bytes: the engines' own and the kernel's for io_uring. What they take of the processors is what transfers cost; the process as a
/// whole also compiles, collects garbage and waits actively. Thread-safe.
/// </summary>
internal static class TransferThreads
{
    private const string TasksOfThisProcess = "/proc/self/task";
    private static readonly string[] _names = ["TeraIO", "iou-"];

    /// <summary>Processor seconds of these threads so far, those of threads that have ended excluded. Where the kernel does not count (no schedstat), those of the whole process.</summary>
    /// <param name="tasks">A folder in the form of /proc/PID/task.</param>
    public static double ProcessorSeconds(string tasks = TasksOfThisProcess)
    {
        long nanoseconds = 0;
        bool isCounted = false;
        foreach (string task in Tasks(tasks))
        {
            try
            {
                string thread = File.ReadAllText(Path.Combine(task, "comm"));
                if (!Array.Exists(_names, name => thread.StartsWith(name, StringComparison.Ordinal))) continue;
                string counters = File.ReadAllText(Path.Combine(task, "schedstat"));
                nanoseconds += long.Parse(counters.AsSpan(0, counters.IndexOf(' ')), CultureInfo.InvariantCulture);
                isCounted = true;
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // The thread has ended, or the kernel does not count.
            }
        }

        return isCounted ? nanoseconds / 1e9 : Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;
    }

    private static string[] Tasks(string folder)
    {
        try
        {
            return Directory.GetDirectories(folder);
        }
        catch (IOException)
        {
            return []; // no such system
        }
    }
}
