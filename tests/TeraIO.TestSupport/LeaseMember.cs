using System.Globalization;
using TeraIO.Core.Leases;

namespace TeraIO.TestSupport;

/// <summary>
/// The child process of the lease tests: a member of a lease file that does what each line of its input says, on queue 0, and answers with a line. <c>enter</c>: takes a
/// ticket; <c>wait</c>: holds the lease when it answers; <c>leave</c>: gives it back; <c>count FILE ROUNDS</c>: so many times takes a lease and adds 1 to
/// the number in a file, without any other protection. Ends with its input.
/// </summary>
internal static class LeaseMember
{
    public static int Run(string path, int slots, TextReader input, TextWriter output)
    {
        using LeaseFile file = LeaseFile.Join(path, slots);
        var queue = new LeaseQueue(file, number: 0);
        long ticket = -1;
        Answer("joined");
        while (input.ReadLine()?.Split(' ') is { } words)
        {
            switch (words)
            {
                case ["enter"]:
                    ticket = queue.Enter();
                    Answer("entered");
                    break;
                case ["wait"]:
                    queue.Wait(ticket);
                    Answer("held");
                    break;
                case ["leave"]:
                    queue.Leave(ticket);
                    Answer("left");
                    break;
                case ["count", var counter, var rounds]:
                    for (int i = int.Parse(rounds, CultureInfo.InvariantCulture); i > 0; i--) Count(queue, counter);
                    Answer("counted");
                    break;
                default:
                    return 2;
            }
        }

        return 0;

        void Answer(string line)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    private static void Count(LeaseQueue queue, string path)
    {
        long ticket = queue.Enter();
        queue.Wait(ticket);
        long number = long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture);
        File.WriteAllText(path, (number + 1).ToString(CultureInfo.InvariantCulture));
        queue.Leave(ticket);
    }
}
