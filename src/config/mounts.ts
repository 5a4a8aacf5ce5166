/**
 * True where `path` (absolute, without links) lies on a mount that nobody here can write to.
 * `table` is the text of `/proc/self/mountinfo` (proc(5)): mount point and options are its fields 5 and 6.
 */
export function onReadOnlyMount(path: string, table: string): boolean {
  let longest = -1;
  let readOnly = false;
  for (const line of table.split('\n')) {
    const [, , , , escaped, options] = line.split(' ');
    if (escaped === undefined || options === undefined) continue;
    const point = escaped.replace(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const within = point === '/' || path === point || path.startsWith(`${point}/`);
    // Of two mounts on one point the later one hides the earlier.
    if (!within || point.length < longest) continue;
    longest = point.length;
    readOnly = options.split(',').includes('ro');
  }
  return readOnly;
}
