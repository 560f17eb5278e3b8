// A reporter of the test runner of Node: a line for each test that passed, with its file and its name.

export default async function* passed(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' || data.skip !== undefined || data.todo !== undefined) continue;
    if (data.details?.type === 'suite' || data.file === undefined) continue;
    yield `${data.file}\t${data.name}\n`;
  }
}
