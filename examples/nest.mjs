// As TypeScript with decorators this is `@Controller() class Greeter { @Get() @UseGuards(MembersOnly) … }`.
import 'reflect-metadata';
import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { kerberos } from 'krb5-acceptor/express';

const { KEYTAB, SERVICE, GROUP, PORT = 8080 } = process.env;

/** Authentication is the middleware's; a guard decides what a known client may do. */
class MembersOnly {
  canActivate(context) {
    const { kerberos: client } = context.switchToHttp().getRequest();
    return GROUP === undefined || client.groups.includes(GROUP);
  }
}

class Greeter {
  greet(request) {
    return `Hello ${request.kerberos.principal}\n`;
  }
}
const greet = Object.getOwnPropertyDescriptor(Greeter.prototype, 'greet');
Get()(Greeter.prototype, 'greet', greet);
UseGuards(MembersOnly)(Greeter.prototype, 'greet', greet);
Req()(Greeter.prototype, 'greet', 0);
Controller()(Greeter);

class Application {}
Module({ controllers: [Greeter] })(Application);

const app = await NestFactory.create(Application, { logger: ['error', 'warn'] });
app.use(kerberos({ keytab: KEYTAB, service: SERVICE }));
await app.listen(PORT);
